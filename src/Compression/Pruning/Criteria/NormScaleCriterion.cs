using CompressTool.Compression.Pruning.Importance;

namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>The |scale| of the normalisations that the channel goes through (Liu et al. 2017, "Learning efficient convolutional networks through network slimming").</summary>
internal sealed class NormScaleCriterion : SliceCriterion<AbsoluteTerm>
{
    /// <summary>Scales can be compared as they are.</summary>
    public override GroupNormalizer Normalizer => GroupNormalizer.None;

    /// <inheritdoc/>
    public override bool Counts(GroupMember member, int channels) => NormalizationScale.Is(member);
}
