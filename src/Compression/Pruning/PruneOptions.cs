using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;

namespace CompressTool.Compression.Pruning;

/// <summary>What pruning removes.</summary>
public enum PruneStructure
{
    /// <summary>Single weights, wherever they are.</summary>
    [OptionName("weights", Description = "Single weights become zero wherever they are. Shapes stay; the model gets smaller where zeros are stored or compressed well.")]
    Weights,

    /// <summary>N of every M consecutive weights along the input channels stay.</summary>
    [OptionName("n:m", Description = "Of every M consecutive weights along the input channels the N largest stay: the pattern that sparse tensor cores run faster.")]
    NM,
}

/// <summary>What makes a weight worth keeping.</summary>
public enum PruneCriterion
{
    /// <summary>Its absolute value.</summary>
    [OptionName("magnitude", Description = "The absolute value: the smallest weights go first. Needs no data.")]
    Magnitude,
}

/// <summary>Over which weights the target holds.</summary>
public enum PruneScope
{
    /// <summary>Every layer loses the target share.</summary>
    [OptionName("local", Description = "Every layer loses the target share of its weights.")]
    Local,

    /// <summary>One threshold for all selected layers.</summary>
    [OptionName("global", Description = "One threshold over all selected layers, which together lose the target share: layers with small weights lose more.")]
    Global,
}

/// <summary>An N:M pattern.</summary>
public enum PrunePattern
{
    /// <summary>2 of 4 stay.</summary>
    [OptionName("2:4", Description = "2 of 4 stay: half of the weights, the pattern of sparse tensor cores.")]
    TwoOfFour,

    /// <summary>4 of 8 stay.</summary>
    [OptionName("4:8", Description = "4 of 8 stay: half of the weights, chosen a little more freely.")]
    FourOfEight,

    /// <summary>1 of 4 stays.</summary>
    [OptionName("1:4", Description = "1 of 4 stays: a quarter of the weights.")]
    OneOfFour,
}

/// <summary>How much to prune.</summary>
public sealed record PruneTarget
{
    /// <summary>Share of the weights that are zero afterwards.</summary>
    [Option("Share of the selected layers' weights that are zero afterwards; exact to one weight per layer (local) or in all (global).", Required = true, Min = 0, Max = 1, Example = "50%")]
    public Fraction Sparsity { get; init; }
}

/// <summary>Options of the <c>prune</c> stage.</summary>
public sealed record PruneOptions
{
    /// <summary>What is removed.</summary>
    [Option("What is removed.", Required = true, Example = "weights")]
    public PruneStructure Structure { get; init; }

    /// <summary>What makes a weight worth keeping.</summary>
    [Option("What makes a weight worth keeping.", Example = "magnitude")]
    public PruneCriterion Criterion { get; init; } = PruneCriterion.Magnitude;

    /// <summary>How much to prune; for structure weights.</summary>
    [Option("How much to prune; for structure weights.", Example = "{ sparsity: 50% }")]
    public PruneTarget? Target { get; init; }

    /// <summary>Over which weights the target holds; for structure weights.</summary>
    [Option("Over which weights the target holds; for structure weights.", Example = "global")]
    public PruneScope Scope { get; init; } = PruneScope.Local;

    /// <summary>How many of how many weights stay; for structure n:m.</summary>
    [Option("How many of how many consecutive weights stay; for structure n:m.", Example = "2:4")]
    public PrunePattern? Pattern { get; init; }

    /// <summary>Rounds of pruning and training.</summary>
    [Option("Rounds in which the target is reached, each followed by a part of the training: a little is pruned, the rest recovers, and so on. After i of n rounds the sparsity is target * (1 - (1 - i/n)^3) (Zhu and Gupta 2017).", Min = 1, Example = "5")]
    public int Rounds { get; init; } = 1;

    /// <summary>Training after each round.</summary>
    [Option("Training after pruning, its steps shared by all rounds; the pruned weights stay zero.", Example = "{ data: { images: images.npy }, steps: 1000 }")]
    public FinetuneOptions? Finetune { get; init; }

    /// <summary>Which layers.</summary>
    [Option("Which layers to prune: convolutions and matrix products with constant weights.", Example = "{ exclude: [conv_in, conv_out] }")]
    public LayerSelector Layers { get; init; } = new();
}
