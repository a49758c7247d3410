using CompressTool.Compression.Pruning.Importance;

namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>A criterion whose scores are sums of terms of single weights.</summary>
/// <typeparam name="TTerm">The term of a weight.</typeparam>
internal abstract class SliceCriterion<TTerm> : Criterion
    where TTerm : struct, ISliceTerm
{
    /// <inheritdoc/>
    public override double[][] Score(ScoredWeight weight, ImportanceData? data, CancellationToken cancellationToken) => Sum<TTerm>(weight, data, cancellationToken);

    /// <summary>The sums of a term over the slices of a weight.</summary>
    protected static double[][] Sum<T>(ScoredWeight weight, ImportanceData? data, CancellationToken cancellationToken)
        where T : struct, ISliceTerm
    {
        var gradient = !T.UsesGradient ? null
            : data?.Gradient(weight.Value) ?? throw new ArgumentException("The criterion needs gradients.", nameof(data));
        return SliceSums.Of<T>(weight.Tensor, gradient, weight.Axes, weight.Kept, cancellationToken);
    }
}
