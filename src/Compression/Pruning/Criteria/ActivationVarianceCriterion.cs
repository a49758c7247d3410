using CompressTool.Compression.Pruning.Importance;

namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>
/// The variance, over samples and positions, of what the layers compute that make the channel: a channel that never changes is as good as
/// a bias (Polyak and Wolf 2015, "Channel-level acceleration of deep face representations").
/// </summary>
internal sealed class ActivationVarianceCriterion : Criterion
{
    /// <inheritdoc/>
    public override CriterionData Data => CriterionData.Activations;

    /// <inheritdoc/>
    public override bool Counts(GroupMember member, int channels) => member.Role == MemberRole.Output;

    /// <summary>Only convolutions and matrix products are looked at, not operators that have them inside.</summary>
    public override bool IsKnown(GroupMember member, ImportanceData? data) => data?.HasVariances(member.Weight) != false;

    /// <inheritdoc/>
    public override double[][] Score(ScoredWeight weight, ImportanceData? data, CancellationToken cancellationToken)
    {
        var variances = data?.Variances(weight.Value) ?? throw new ArgumentException("The criterion needs variances.", nameof(data));
        if (weight.Axes.FirstOrDefault(axis => weight.Tensor.Dims[axis] != variances.Length, -1) is >= 0 and var wrong)
        {
            throw new ArgumentException($"The weight '{weight.Value.Name}' makes no channels along axis {wrong}.", nameof(weight));
        }

        return [.. weight.Axes.Select(axis => variances.Select((variance, index) => weight.Kept?[axis]?[index] == false ? 0 : variance).ToArray())];
    }
}
