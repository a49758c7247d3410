using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>
/// Measures what a model loses without blocks: the mean squared difference of its output to that of the whole model, for the same
/// inputs (the layer criterion of LAPTOP-Diff, Zhang et al. 2024). One batch after the other is seen with every choice of blocks, so that
/// memory does not depend on the number of samples.
/// </summary>
public sealed class BlockSensitivity : IDisposable
{
    private readonly BypassFunction _function;
    private readonly IBatchSource _source;
    private readonly string _output;

    /// <summary>Compiles the model with gates behind the blocks.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="model">The model; it is the same afterwards.</param>
    /// <param name="blocks">The blocks.</param>
    /// <param name="source">Batches with an array for every input of the model.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    /// <exception cref="CompressToolException">The model has no output of float32 (CMP4004).</exception>
    public BlockSensitivity(IEngine engine, Model model, IReadOnlyList<Block> blocks, IBatchSource source, CancellationToken cancellationToken = default)
    {
        _output = model.Graph.Outputs.FirstOrDefault(output => output.ElementType == DataType.Float)?.Name
            ?? throw new CompressToolException(CompressionErrors.UnsuitableModel, "no output of the model is float32, and blocks are judged by what such an output loses");
        _source = source;
        _function = new BypassFunction(engine, model, blocks, cancellationToken);
    }

    /// <summary>Which samples are drawn.</summary>
    public ulong Seed { get; init; }

    /// <summary>Samples to measure with.</summary>
    public int Samples { get; init; } = 256;

    /// <summary>The losses of some choices of blocks.</summary>
    /// <param name="choices">The choices: blocks that go together.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The mean squared difference for each choice.</returns>
    /// <exception cref="CompressToolException">The batches lack an input of the model.</exception>
    public double[] Measure(IReadOnlyList<IReadOnlyCollection<Block>> choices, Action<double>? progress = null, CancellationToken cancellationToken = default)
    {
        var (sums, count) = (new double[choices.Count], 0L);
        for (long step = 0, seen = 0; seen < Samples; step++)
        {
            using var batch = _source.Read(Seed, step, cancellationToken);
            var atOnce = FixedBatch ?? batch.Count;
            if (batch.Count % atOnce != 0)
            {
                throw new CompressToolException(CompressionErrors.InvalidTraining, $"the model takes {atOnce} samples at once, and a batch of {batch.Count} cannot be divided so") { OptionPath = "batch" };
            }

            for (var first = 0; first < batch.Count && seen < Samples; first += atOnce)
            {
                var part = batch.Slice(first, (int)(FixedBatch ?? Math.Min(atOnce, Samples - seen)));
                var feeds = Feeds(part);
                var whole = Run([], feeds, cancellationToken);
                for (var index = 0; index < choices.Count; index++)
                {
                    sums[index] += SquaredDifference(whole.AsSpan<float>(), Run(choices[index], feeds, cancellationToken).AsSpan<float>());
                    progress?.Invoke(Math.Min(1, (seen + (part.Count * (index + 1.0) / choices.Count)) / Samples));
                }

                (seen, count) = (seen + part.Count, count + whole.Count);
            }
        }

        return Array.ConvertAll(sums, sum => sum / count);
    }

    /// <inheritdoc/>
    public void Dispose() => _function.Dispose();

    private int? FixedBatch => (int?)(_function.Inputs.MaxBy(input => input.Type.Shape?.Count ?? 0)?.Type.Shape is { Count: > 0 } shape ? shape[0].Value : null);

    private Dictionary<string, NdArray> Feeds(Batch batch) => _function.Inputs.ToDictionary(input => input.Name, input => batch.Arrays.GetValueOrDefault(input.Name)?.ToNdArray()
        ?? throw new CompressToolException(CompressionErrors.InvalidTraining, $"the data has nothing for '{input.Name}', which the model takes; it has {string.Join(", ", batch.Arrays.Keys)}") { OptionPath = "data" });

    private NdArray Run(IReadOnlyCollection<Block> blocks, Dictionary<string, NdArray> feeds, CancellationToken cancellationToken)
    {
        _function.Choose(blocks);
        return _function.Run(feeds, [_output], cancellationToken)[_output];
    }

    /// <summary>The sum of squares, in double precision and in the same order whatever the blocks.</summary>
    internal static double SquaredDifference(ReadOnlySpan<float> one, ReadOnlySpan<float> other)
    {
        var sum = 0.0;
        for (var index = 0; index < one.Length; index++)
        {
            var difference = (double)one[index] - other[index];
            sum += difference * difference;
        }

        return sum;
    }
}
