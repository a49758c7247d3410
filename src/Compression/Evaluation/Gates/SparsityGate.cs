using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
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
        "Share of zeros among the weights of the finished model's convolutions and matrix products; biases and norms do not count. Weights quantized to 8 bits count as zero at "
            + "their zero point; weights packed in blocks (schemes int4 and int8-weights) are left out. A share that is missed by rounding alone, half a weight per layer, passes.",
        "sparsity: { min: 50% }");

    /// <inheritdoc/>
    protected override GateResult Evaluate(SparsityGateOptions options, GateContext context)
    {
        using var model = Model.Load(context.FinalPath);
        var layers = LayerSelection.Select(Layers.Find(model.Graph), options.Layers).Layers;
        var weights = layers.Select(layer => (layer.Tensor.Count, Zeros: WeightCounts.Zeros(layer.Tensor, context.CancellationToken))).ToList();
        if (options.Layers.Include.Count == 0 && options.Layers.Exclude.Count == 0)
        {
            weights.AddRange(Quantized(model, context.CancellationToken));
        }

        var (count, zeros) = (weights.Sum(weight => weight.Count), weights.Sum(weight => weight.Zeros));
        if (count == 0)
        {
            throw new CompressToolException(CompressionErrors.UnsuitableModel, "the finished model has no convolution or matrix product whose weights' zeros can be counted; weights packed in blocks are not");
        }

        var (share, needed) = (zeros / (double)count, options.Min.Value);
        var passed = zeros + (0.5 * weights.Count) >= needed * count;
        var text = $"sparsity {Figures.Percent(share, needed)} ({zeros} zeros among {count} weights of {weights.Count} layers), needed {options.Min}";
        return new GateResult(passed, share, passed ? text : text + "; prune more, leave layers out that cannot be pruned (layers.exclude), or lower the limit");
    }

    /// <summary>Weights in integers; they are no layers any more.</summary>
    private static IEnumerable<(long Count, long Zeros)> Quantized(Model model, CancellationToken cancellationToken)
    {
        var cost = ModelCost.Measure(model);
        return cost.Weights.All(weight => weight.Value.ElementType.IsFloat()) ? []
            : cost.MeasureSparsity(cancellationToken).Weights
                .Where(weight => !weight.Value.ElementType.IsFloat() && weight.Value.Initializer!.Dims.Count >= 2)
                .Select(weight => (weight.Elements, weight.Zeros));
    }
}
