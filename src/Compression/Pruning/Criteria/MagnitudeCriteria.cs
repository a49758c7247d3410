namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>The sum of w² (Torch-Pruning's <c>GroupMagnitudeImportance</c> with p = 2, which takes no root).</summary>
internal sealed class MagnitudeCriterion : SliceCriterion<SquareTerm>;

/// <summary>The sum of |w| (Li et al. 2017, "Pruning filters for efficient ConvNets").</summary>
internal sealed class MagnitudeL1Criterion : SliceCriterion<AbsoluteTerm>;

/// <summary>
/// The sum of w², over that of all structures of the group that have no less (Lee et al. 2021, "Layer-adaptive sparsity for the
/// magnitude-based pruning", with structures in the place of weights as in Torch-Pruning). What has the largest has the score 1, so
/// that a ranking across groups empties none.
/// </summary>
internal sealed class LampCriterion : SliceCriterion<SquareTerm>
{
    /// <inheritdoc/>
    public override GroupNormalizer Normalizer => GroupNormalizer.Lamp;
}
