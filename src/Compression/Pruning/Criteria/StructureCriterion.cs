using CompressTool.Compression.Options;

namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>What makes a channel, head or neuron worth keeping.</summary>
public enum StructureCriterion
{
    /// <summary>Chance.</summary>
    [OptionName("random", Description = "Chance, by the recipe's seed: what every other criterion has to beat.")]
    Random,

    /// <summary>Squared weights.</summary>
    [OptionName("magnitude", Description = "The squares of its weights (L2 norm; Li et al. 2017 with the norm of Torch-Pruning). Needs no data.")]
    Magnitude,

    /// <summary>Absolute weights.</summary>
    [OptionName("magnitude-l1", Description = "The absolute values of its weights (L1 norm; Li et al. 2017). Needs no data.")]
    MagnitudeL1,

    /// <summary>Change of the loss to first order.</summary>
    [OptionName("taylor", Description = "How much the loss changes, to first order, when it goes as a whole: |sum of weight * gradient| (Molchanov et al. 2017).")]
    Taylor,

    /// <summary>Change of the loss to first order, weight by weight.</summary>
    [OptionName("taylor-elementwise", Description = "How much the loss changes, to first order, weight by weight: sum of |weight * gradient| (Molchanov et al. 2019, Torch-Pruning).")]
    ElementwiseTaylor,

    /// <summary>Diff-Pruning.</summary>
    [OptionName("diff-pruning", Description = "Diff-Pruning (Fang et al. 2023): sum of |weight * gradient|, with the gradients of one batch added up over the timesteps until the loss falls below a share of the largest. For diffusion models.")]
    DiffPruning,

    /// <summary>Diff-Pruning as in its published tables.</summary>
    [OptionName("diff-pruning-tables", Description = "Diff-Pruning as its published tables were made: (weight * gradient)² for layers and |weight * gradient| for scales of normalisations, added over layers. For diffusion models.")]
    DiffPruningTables,

    /// <summary>Fisher information.</summary>
    [OptionName("fisher", Description = "How much the loss changes to second order, with the Fisher information as the Hessian's diagonal: sum of weight² * mean of gradient² / 2 (Optimal Brain Damage, LeCun et al. 1990; Theis et al. 2018).")]
    Fisher,

    /// <summary>LAMP.</summary>
    [OptionName("lamp", Description = "Layer-adaptive magnitude (LAMP, Lee et al. 2021) of whole structures: its squared weights over those of all structures of its group that have no less. Made for ranking across groups. Needs no data.")]
    Lamp,

    /// <summary>Scales of normalisations.</summary>
    [OptionName("norm-scale", Description = "The absolute scale of the normalisations behind it (network slimming, Liu et al. 2017). Needs no data; structures without a normalisation of their own are left as they are.")]
    NormScale,

    /// <summary>Variance of activations.</summary>
    [OptionName("activation-variance", Description = "The variance of what it computes, over samples and positions: what is always the same can be done without. Needs data, but no gradients.")]
    ActivationVariance,

    /// <summary>LAPTOP-Diff.</summary>
    [OptionName("laptop", Description = "For structure blocks: the mean squared difference that the output has without the block, on noisy images of random timesteps; the blocks that go are those whose differences add up to the least (LAPTOP-Diff, Zhang et al. 2024).")]
    Laptop,

    /// <summary>The difference of samples.</summary>
    [OptionName("sensitivity", Description = "For structure blocks: the mean squared difference that samples drawn without the block have to those of the whole model, from the same noise through all steps. Needs no data.")]
    Sensitivity,
}
