using CompressTool.Compression.Pruning.Importance;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>What a criterion needs besides the weights.</summary>
internal enum CriterionData
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The gradient of the loss.</summary>
    Gradients,

    /// <summary>The gradient of a diffusion loss, added up over timesteps.</summary>
    TimestepGradients,

    /// <summary>The mean over samples of the squares of each sample's gradient.</summary>
    SquaredGradients,

    /// <summary>Variances of activations.</summary>
    Activations,
}

/// <summary>How the scores of a group's members become one.</summary>
internal enum GroupReduction
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,
}

/// <summary>What the scores of a group are divided by.</summary>
internal enum GroupNormalizer
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Their mean, so that groups can be compared.</summary>
    Mean,

    /// <summary>The largest.</summary>
    Max,

    /// <summary>For each the sum of all that are no smaller (Lee et al. 2021, "Layer-adaptive sparsity for the magnitude-based pruning").</summary>
    Lamp,
}

/// <summary>A weight whose slices are scored.</summary>
/// <param name="Value">The initializer.</param>
/// <param name="Axes">The axes along which the slices are taken.</param>
/// <param name="Role">How it belongs to a group; of the roles <see cref="MemberRole.Output"/> and <see cref="MemberRole.Input"/> either.</param>
/// <param name="Kept">For each axis which indices are still there; null for all, of an axis or altogether.</param>
internal sealed record ScoredWeight(Value Value, IReadOnlyList<int> Axes, MemberRole Role, IReadOnlyList<bool[]?>? Kept = null)
{
    /// <summary>Its tensor.</summary>
    public Tensor Tensor => Layers.ConstantOf(Value)!;
}

/// <summary>What makes a channel, head or neuron worth keeping: gives the slices of a weight scores, of which the smallest go first.</summary>
internal abstract class Criterion
{
    /// <summary>What it needs besides the weights.</summary>
    public virtual CriterionData Data => CriterionData.None;

    /// <summary>How the scores of a group's members become one.</summary>
    public virtual GroupReduction Reduction => GroupReduction.Mean;

    /// <summary>What a group's scores are divided by.</summary>
    public virtual GroupNormalizer Normalizer => GroupNormalizer.Mean;

    /// <summary>Whether a member has a say: as in Torch-Pruning the weights of convolutions and matrix products, not biases and norms.</summary>
    /// <param name="member">The member.</param>
    /// <param name="channels">Number of channels of the group.</param>
    public virtual bool Counts(GroupMember member, int channels) => member.Role is MemberRole.Output or MemberRole.Input;

    /// <summary>Whether the data says anything of a member that <see cref="Counts"/>; yes unless a criterion can do without.</summary>
    /// <param name="member">The member.</param>
    /// <param name="data">What <see cref="Data"/> asks for; null for nothing.</param>
    public virtual bool IsKnown(GroupMember member, ImportanceData? data) => true;

    /// <summary>
    /// The scores of a weight's slices: for each of the axes an array as long as the axis. Slices hold only what is kept on the other
    /// axes; those that are not kept themselves have the score 0.
    /// </summary>
    /// <param name="weight">The weight.</param>
    /// <param name="data">What <see cref="Data"/> asks for; null for nothing.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public abstract double[][] Score(ScoredWeight weight, ImportanceData? data, CancellationToken cancellationToken);

    /// <summary>The scores of a group that do not come from its members' slices; null (the default) when they do.</summary>
    /// <param name="group">The members.</param>
    /// <param name="channels">Number of channels.</param>
    public virtual double[]? ScoreGroup(IReadOnlyList<GroupMember> group, int channels) => null;
}
