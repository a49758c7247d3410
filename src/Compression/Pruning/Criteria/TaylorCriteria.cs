using CompressTool.Compression.Pruning.Importance;

namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>
/// |sum of w g|: the change of the loss, to first order, when all weights of the slice go (Molchanov et al. 2017, "Pruning
/// convolutional neural networks for resource efficient inference"; Torch-Pruning's <c>GroupTaylorImportance</c> with
/// <c>multivariable=True</c>).
/// </summary>
internal sealed class TaylorCriterion : SliceCriterion<ProductTerm>
{
    /// <inheritdoc/>
    public override CriterionData Data => CriterionData.Gradients;

    /// <inheritdoc/>
    public override double[][] Score(ScoredWeight weight, ImportanceData? data, CancellationToken cancellationToken) =>
        [.. base.Score(weight, data, cancellationToken).Select(sums => Array.ConvertAll(sums, Math.Abs))];
}

/// <summary>The sum of |w g| (Torch-Pruning's <c>GroupTaylorImportance</c> with <c>multivariable=False</c>).</summary>
internal sealed class ElementwiseTaylorCriterion : SliceCriterion<AbsoluteProductTerm>
{
    /// <inheritdoc/>
    public override CriterionData Data => CriterionData.Gradients;
}

/// <summary>
/// The sum of |w g|, with g the signed sum of the gradients at the timesteps before the loss gets small (Fang et al. 2023,
/// "Structural pruning for diffusion models", as <c>ddpm_prune.py</c> does it).
/// </summary>
internal sealed class DiffPruningCriterion : SliceCriterion<AbsoluteProductTerm>
{
    /// <inheritdoc/>
    public override CriterionData Data => CriterionData.TimestepGradients;
}

/// <summary>
/// The scores that gave the published tables of Diff-Pruning (<c>ddpm_exp</c>): the sum of (w g)² for layers, |w g| for the scales
/// of normalisations, added over the group. Members that hold another number of channels than the group, such as those
/// behind a concatenation of the group with itself, have no say there.
/// </summary>
internal sealed class DiffPruningTablesCriterion : SliceCriterion<SquaredProductTerm>
{
    /// <inheritdoc/>
    public override CriterionData Data => CriterionData.TimestepGradients;

    /// <inheritdoc/>
    public override GroupReduction Reduction => GroupReduction.Sum;

    /// <inheritdoc/>
    public override GroupNormalizer Normalizer => GroupNormalizer.None;

    /// <inheritdoc/>
    public override bool Counts(GroupMember member, int channels) =>
        (base.Counts(member, channels) || NormalizationScale.Is(member)) && member.Channels.Count(channel => channel >= 0) == channels;

    /// <inheritdoc/>
    public override double[][] Score(ScoredWeight weight, ImportanceData? data, CancellationToken cancellationToken) =>
        weight.Role == MemberRole.Normalization ? Sum<AbsoluteProductTerm>(weight, data, cancellationToken) : base.Score(weight, data, cancellationToken);
}

/// <summary>
/// The sum of w² F / 2, where F is the mean over samples of the square of each sample's gradient: the change of the loss to second order
/// at a minimum, with the diagonal of the empirical Fisher information in the place of the Hessian's (LeCun et al. 1990,
/// "Optimal brain damage"; Theis et al. 2018, "Faster gaze prediction with dense networks and Fisher pruning").
/// </summary>
internal sealed class FisherCriterion : SliceCriterion<CurvatureTerm>
{
    /// <inheritdoc/>
    public override CriterionData Data => CriterionData.SquaredGradients;
}
