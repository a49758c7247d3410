using CompressTool.Compression.Sampling;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>
/// Measures what a diffusion model loses without blocks where it ends: the mean squared difference between the samples that it draws
/// without them and those of the whole model, from the same noise. A few samples at a time go through all choices, so that memory
/// does not depend on their number.
/// </summary>
public sealed class SamplingSensitivity : IDisposable
{
    private readonly BypassFunction _function;
    private readonly Denoiser _denoiser;
    private readonly LatentDecoder? _decoder;
    private readonly PictureSampling _sampling;
    private readonly ModelSampleOptions _options;

    /// <summary>Compiles the model with gates behind the blocks.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="model">The model; it is the same afterwards.</param>
    /// <param name="blocks">The blocks.</param>
    /// <param name="options">How samples are drawn.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    /// <exception cref="CompressToolException">No samples can be drawn from the model so.</exception>
    public SamplingSensitivity(IEngine engine, Model model, IReadOnlyList<Block> blocks, ModelSampleOptions options, CancellationToken cancellationToken = default)
    {
        _options = options;
        _function = new BypassFunction(engine, model, blocks, cancellationToken);
        try
        {
            _denoiser = new Denoiser(_function);
            _decoder = options.Decoder is { } decoder ? new LatentDecoder(engine.Compile(decoder.FullPath, cancellationToken: cancellationToken), new LatentScaling()) : null;
            _sampling = ModelSampling.Create(options, model, _denoiser, _decoder);
        }
        catch
        {
            _decoder?.Dispose();
            _function.Dispose();
            throw;
        }
    }

    /// <summary>The losses of some choices of blocks.</summary>
    /// <param name="choices">The choices: blocks that go together.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The mean squared difference for each choice.</returns>
    public double[] Measure(IReadOnlyList<IReadOnlyCollection<Block>> choices, Action<double>? progress = null, CancellationToken cancellationToken = default)
    {
        var (sums, count) = (new double[choices.Count], 0L);
        for (var first = 0; first < _options.Count; first += _options.Batch)
        {
            var some = Math.Min(_options.Batch, _options.Count - first);
            var whole = Draw([], first, some, cancellationToken);
            for (var index = 0; index < choices.Count; index++)
            {
                var samples = Draw(choices[index], first, some, cancellationToken);
                sums[index] += BlockSensitivity.SquaredDifference(whole.AsSpan<float>(), samples.AsSpan<float>());
                progress?.Invoke((first + (some * (index + 1.0) / choices.Count)) / _options.Count);
            }

            count += whole.Count;
        }

        return Array.ConvertAll(sums, sum => sum / count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _decoder?.Dispose();
        _denoiser.Dispose();
    }

    private NdArray Draw(IReadOnlyCollection<Block> blocks, int first, int count, CancellationToken cancellationToken)
    {
        _function.Choose(blocks);
        return _sampling.DrawPart(_denoiser, first, count, new TorchGenerator(_options.Seed + first), null, cancellationToken);
    }
}
