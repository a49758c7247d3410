using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Sampling;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>What makes a block worth keeping.</summary>
public enum BlockCriterion
{
    /// <summary>The difference of the output.</summary>
    [OptionName("laptop", Description = "The mean squared difference that the output has without it, on noisy images of random timesteps (LAPTOP-Diff, Zhang et al. 2024).")]
    Laptop,

    /// <summary>The difference of samples.</summary>
    [OptionName("sensitivity", Description = "The mean squared difference that samples drawn without it have to those of the whole model, from the same noise through all steps. Needs no data.")]
    Sensitivity,

    /// <summary>Its weights.</summary>
    [OptionName("magnitude", Description = "The sum of the squares of its weights. Needs no data.")]
    Magnitude,

    /// <summary>Chance.</summary>
    [OptionName("random", Description = "A random number, to compare with.")]
    Random,
}

/// <summary>How much to remove.</summary>
[ExactlyOne]
public sealed record BlockTarget
{
    /// <summary>Share of the parameters that is left.</summary>
    [Option("Share of the model's parameters that is left at most.", Min = 0, Max = 1, Example = "60%")]
    public Fraction? Parameters { get; init; }

    /// <summary>Share of the operations that is left.</summary>
    [Option("Share of the model's multiply-accumulate operations with weights that is left at most.", Min = 0, Max = 1, Example = "56%")]
    public Fraction? Macs { get; init; }

    /// <summary>Number of blocks that go.</summary>
    [Option("How many blocks go at least; a block that has others inside counts as many as are innermost.", Min = 1, Example = "4")]
    public int? Count { get; init; }
}

/// <summary>Chooses blocks of a model by their names, as 'inspect --structures' lists them.</summary>
public sealed record BlockSelector
{
    /// <summary>Patterns of blocks to take.</summary>
    [Option("Name globs of blocks that may go. All when left out.", Example = "[\"*.attentions.*\"]")]
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Patterns of blocks to leave out.</summary>
    [Option("Name globs of blocks that stay, with all that they are inside of; they win over include.", Example = "[\"mid_block*\"]")]
    public IReadOnlyList<string> Exclude { get; init; } = [];
}

/// <summary>What the criterion laptop looks at.</summary>
public sealed record BlockCalibration
{
    /// <summary>The data.</summary>
    [Option("What blocks are judged on: images, to which the noise schedule adds noise, or tensors.", Required = true, Example = "{ images: images.npy }")]
    public TrainingData Data { get; init; } = new();

    /// <summary>Samples.</summary>
    [Option("How many samples.", Min = 1)]
    public int Samples { get; init; } = 256;

    /// <summary>Batch size.</summary>
    [Option("Samples that the model sees at once.", Min = 1)]
    public int Batch { get; init; } = 16;

    /// <summary>Noise.</summary>
    [Option("How images become noisy samples of a diffusion model.")]
    public NoiseOptions Noise { get; init; } = new();
}

/// <summary>What pruning of blocks needs; <see cref="BlockStage"/> takes it from the options of <c>prune</c>.</summary>
public sealed record BlockPruneOptions
{
    /// <summary>A set of blocks with a name, instead of a target.</summary>
    public BlockSet? Blocks { get; init; }

    /// <summary>Name globs of blocks to remove, instead of a target.</summary>
    public IReadOnlyList<string> Remove { get; init; } = [];

    /// <summary>What makes a block worth keeping; with a target.</summary>
    public BlockCriterion Criterion { get; init; } = BlockCriterion.Laptop;

    /// <summary>How much to remove: the blocks whose losses add up to the least.</summary>
    public BlockTarget? Target { get; init; }

    /// <summary>Which blocks may go; with a target.</summary>
    public BlockSelector Candidates { get; init; } = new();

    /// <summary>What the criterion laptop looks at.</summary>
    public BlockCalibration? Calibration { get; init; }

    /// <summary>The samples that the criterion sensitivity draws; 16 in 10 steps when null.</summary>
    public ModelSampleOptions? Samples { get; init; }
}
