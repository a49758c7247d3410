using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Evaluation;

/// <summary>Options of the <c>sparsity</c> gate.</summary>
public sealed record SparsityGateOptions
{
    /// <summary>The smallest share of zeros that passes.</summary>
    [Option("The smallest share of zeros that passes.", Required = true, Min = 0, Max = 1, Example = "50%")]
    public Fraction Min { get; init; }

    /// <summary>Which layers.</summary>
    [Option("Over which layers' weights; all convolutions and matrix products when left out.", Example = "{ exclude: [conv_in, conv_out] }")]
    public LayerSelector Layers { get; init; } = new();
}

/// <summary>The <c>sparsity</c> gate: share of zeros among the layers' weights.</summary>
public sealed class SparsityGate : Gate<SparsityGateOptions>
{
    /// <inheritdoc/>
    public override GateInfo Info { get; } = new(
        "sparsity",
        Version: 1,
        "Share of zeros among the weights of the finished model's layers (convolutions and matrix products with floating-point weights; biases and norms do not count).",
        "sparsity: { min: 50% }");

    /// <inheritdoc/>
    protected override GateResult Evaluate(SparsityGateOptions options, GateContext context)
    {
        using var model = Model.Load(context.FinalPath);
        var layers = LayerSelection.Select(Layers.Find(model.Graph), options.Layers).Layers;
        var count = layers.Sum(layer => layer.Tensor.Count);
        if (count == 0)
        {
            throw new CompressToolException(CompressionErrors.UnsuitableModel, "the finished model has no layer with floating-point weights to count zeros in; weights that are quantized to integers are not counted");
        }

        var zeros = layers.Sum(layer => WeightCounts.Zeros(layer.Tensor, context.CancellationToken));
        var share = zeros / (double)count;
        var passed = share >= options.Min.Value;
        var text = $"sparsity {Figures.Percent(share, options.Min.Value)} ({zeros} zeros among {count} weights of {layers.Count} layers), needed {options.Min}";
        return new GateResult(passed, share, passed ? text : text + "; prune more, or lower the limit");
    }
}
