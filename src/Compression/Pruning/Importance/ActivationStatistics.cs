using CompressTool.Compression.Distillation;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Expressions;
using CompressTool.Training.Loop;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>
/// Means and variances of what layers compute, channel by channel, over samples and positions. The sums are made by the
/// engine in float64 and added up here likewise, so that the order of samples makes no difference that matters, and neither
/// does their number to the memory.
/// </summary>
internal sealed class ActivationStatistics : IDisposable
{
    private readonly ICompiledFunction _function;
    private readonly Dictionary<string, Moments> _moments = [];
    private readonly List<Output> _outputs = [];

    /// <summary>Prepares a model.</summary>
    /// <param name="model">The model, with the weights that it has now.</param>
    /// <param name="part">Samples as they will be computed at once.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public ActivationStatistics(Model model, Batch part, CancellationToken cancellationToken)
    {
        Samples = part.Count;
        using var copy = TaskLoss.Copy(model);
        var current = model.Graph.Initializers.ToDictionary(value => value.Name, value => value.Initializer!);
        foreach (var value in copy.Graph.Initializers)
        {
            value.Initializer = current[value.Name];
        }

        ShapeInference.Run(copy, new InferenceOptions { InputShapes = copy.Graph.Inputs.Where(input => part.Arrays.ContainsKey(input.Name)).ToDictionary(input => input.Name, input => Shape.Of(part.Arrays[input.Name].Dims)) });
        foreach (var other in copy.Graph.Outputs.Distinct().ToArray())
        {
            copy.Graph.Outputs.Remove(other);
        }

        var builder = new GraphBuilder(copy);
        foreach (var layer in Layers.Find(copy.Graph))
        {
            foreach (var use in layer.Uses.Where(use => layer.OutputAxis is not null && use.Node.Graph == copy.Graph && use.Node.Outputs[0]?.Shape?.IsStatic == true))
            {
                Observe(builder, layer, use);
            }
        }

        _function = new OnnxRuntimeEngine().Compile(copy, cancellationToken: cancellationToken);
    }

    /// <summary>Samples that are computed at once.</summary>
    public int Samples { get; }

    /// <summary>Looks at samples.</summary>
    public void Add(Batch part, CancellationToken cancellationToken)
    {
        var results = _function.Run(_function.Inputs.ToDictionary(input => input.Name, input => part.Arrays[input.Name].ToNdArray()), cancellationToken: cancellationToken);
        foreach (var output in _outputs)
        {
            var sums = results[output.Sum].AsSpan<double>();
            var squares = results[output.Squares].AsSpan<double>();
            var moments = _moments[output.Weight];
            for (var channel = 0; channel < sums.Length; channel++)
            {
                moments.Sums[channel % moments.Sums.Length] += sums[channel];
                moments.Squares[channel % moments.Sums.Length] += squares[channel];
            }

            moments.Count += output.Count;
        }
    }

    /// <summary>The variances by the names of the weights: float64, as many as the weight has outputs.</summary>
    public Dictionary<string, Tensor> Variances() => _moments.ToDictionary(moments => moments.Key, moments =>
    {
        var (sums, squares, count) = (moments.Value.Sums, moments.Value.Squares, moments.Value.Count);
        return Tensor.Create<double>(DataType.Double, [sums.Length], [.. sums.Zip(squares, (sum, square) => Math.Max(0, (square / count) - (sum / count * (sum / count))))]);
    });

    /// <inheritdoc/>
    public void Dispose() => _function.Dispose();

    /// <summary>The axis of a layer's output along which its channels run.</summary>
    private static int ChannelAxis(Layer layer, Use use, int rank) => layer.Kind switch
    {
        LayerKind.Conv or LayerKind.ConvTranspose => 1,
        _ => use.Index == 0 ? rank - 2 : rank - 1,
    };

    private void Observe(GraphBuilder builder, Layer layer, Use use)
    {
        var value = builder.Of(use.Node.Outputs[0]!).Cast(DataType.Double);
        var axis = ChannelAxis(layer, use, value.Rank);
        int[] others = [.. Enumerable.Range(0, value.Rank).Where(other => other != axis)];
        var (sum, squares) = ($"sum {_outputs.Count}", $"squares {_outputs.Count}");
        builder.AddOutput(sum, value.Sum(others));
        builder.AddOutput(squares, value.Square().Sum(others));

        // The output axis of a grouped ConvTranspose holds one group's channels: those of all groups are looked at together.
        var channels = (int)layer.Tensor.Dims[layer.OutputAxis!.Value];
        _outputs.Add(new Output(layer.Weight.Name, sum, squares, value.Count / channels));
        _moments.TryAdd(layer.Weight.Name, new Moments(new double[channels], new double[channels]));
    }

    private sealed record Output(string Weight, string Sum, string Squares, long Count);

    private sealed record Moments(double[] Sums, double[] Squares)
    {
        public long Count { get; set; }
    }
}
