using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning.Blocks;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Sampling;

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

    /// <summary>Channels of convolutions and matrix products.</summary>
    [OptionName("channels", Description = "Output channels of convolutions and matrix products with everything that hangs together with them: residual streams, hidden neurons, parts of attention heads. The model gets smaller and faster.")]
    Channels,

    /// <summary>Attention heads.</summary>
    [OptionName("heads", Description = "Whole attention heads: query, key, value and output together.")]
    Heads,

    /// <summary>Hidden neurons between matrix products.</summary>
    [OptionName("neurons", Description = "Hidden neurons between matrix products, e.g. of feed-forward layers, gates included.")]
    Neurons,

    /// <summary>Parts of attention heads.</summary>
    [OptionName("head-size", Description = "Parts of attention heads: all heads of an attention stay and get smaller alike.")]
    HeadSize,

    /// <summary>Whole blocks.</summary>
    [OptionName("blocks", Description = "Whole blocks, which the graph goes on without: residual blocks, attentions, feed-forward layers, transformer layers, steps and levels of a U-Net.")]
    Blocks,
}

/// <summary>Over which weights the target holds.</summary>
public enum PruneScope
{
    /// <summary>Every layer loses the target share.</summary>
    [OptionName("local", Description = "Every layer loses the target share of its weights, every group of coupled channels that of its channels.")]
    Local,

    /// <summary>One threshold for all selected layers.</summary>
    [OptionName("global", Description = "One threshold over all selected layers, which together lose the target share: layers with small weights, or channels that matter less than others, lose more.")]
    Global,
}

/// <summary>How channels are chosen where heads, or groups of a normalisation, keep equally many.</summary>
public enum BlockRanking
{
    /// <summary>Each by itself.</summary>
    [OptionName("each", Description = "Each head or group ranks its own channels, by what earlier choices left of the layers (Torch-Pruning 1.2, Diff-Pruning).")]
    Each,

    /// <summary>All alike.</summary>
    [OptionName("alike", Description = "All lose the same places, those with the lowest mean over them in the whole model (Torch-Pruning 1.6).")]
    Alike,
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

/// <summary>How much to prune; the first for structure weights, the others for structures that are removed.</summary>
[ExactlyOne]
public sealed record PruneTarget
{
    /// <summary>Share of the weights that are zero afterwards.</summary>
    [Option("For structure weights: the share of the selected layers' weights that are zero afterwards; exact to one weight per layer (local) or in all (global).", Min = 0, Max = 1, Example = "50%")]
    public Fraction? Sparsity { get; init; }

    /// <summary>Share of the structures that are removed.</summary>
    [Option("Share of the channels, heads or neurons that are removed: of each group (local), or of all together (global). Where heads, groups of normalisations or round-to ask for it, it is less.", Min = 0, Max = 1, Example = "30%")]
    public Fraction? Ratio { get; init; }

    /// <summary>Share of the parameters that are left.</summary>
    [Option("Share of the model's parameters that are left at most.", Min = 0, Max = 1, Example = "60%")]
    public Fraction? Parameters { get; init; }

    /// <summary>Share of the MACs that are left.</summary>
    [Option("Share of the model's multiply-accumulate operations with weights that are left at most.", Min = 0, Max = 1, Example = "56%")]
    public Fraction? Macs { get; init; }

    /// <summary>Number of blocks that go.</summary>
    [Option("For structure blocks: how many blocks go at least; a block that has others inside counts as many as are innermost.", Min = 1, Example = "4")]
    public int? Count { get; init; }

    /// <summary>Share of the latency that is left.</summary>
    [Option("Share of the model's latency that is left at most, measured on this machine while searching.", Min = 0, Max = 1, Example = "60%")]
    public Fraction? Latency { get; init; }
}

/// <summary>Options of the <c>prune</c> stage.</summary>
public sealed record PruneOptions
{
    /// <summary>What is removed.</summary>
    [Option("What is removed.", Required = true, Example = "channels")]
    public PruneStructure Structure { get; init; }

    /// <summary>What makes a weight worth keeping.</summary>
    [Option("What makes a weight or structure worth keeping. When left out, channels, heads and neurons are kept by activation-variance where there is importance or finetune, and by magnitude where not: of all criteria, and of those that need no data, those that cost the samples of trained models least (docs/criteria.md). Blocks and single weights are kept by their magnitude then.", Example = "magnitude")]
    public StructureCriterion? Criterion { get; init; }

    /// <summary>How much to prune; not for structure n:m.</summary>
    [Option("How much to prune; not for structure n:m.", Example = "{ ratio: 30% }")]
    public PruneTarget? Target { get; init; }

    /// <summary>A named set of blocks.</summary>
    [Option("For structure blocks: a set of blocks with a name, instead of a target.", Example = "bk-sdm-small")]
    public BlockSet? Blocks { get; init; }

    /// <summary>Blocks by name.</summary>
    [Option("For structure blocks: name globs of blocks to remove, instead of a target; 'inspect --structures' lists the names. Of blocks inside each other the outer ones count.", Example = "[\"mid_block\"]")]
    public IReadOnlyList<string> Remove { get; init; } = [];

    /// <summary>Over what the target holds; not for structure n:m.</summary>
    [Option("Over what the target holds; not for structure n:m.", Example = "global")]
    public PruneScope Scope { get; init; } = PruneScope.Local;

    /// <summary>How many of how many weights stay; for structure n:m.</summary>
    [Option("How many of how many consecutive weights stay; for structure n:m.", Example = "2:4")]
    public PrunePattern? Pattern { get; init; }

    /// <summary>How blocks choose.</summary>
    [Option("How channels are chosen where heads, or groups of a normalisation, keep equally many.", Example = "each")]
    public BlockRanking BlockRanking { get; init; } = BlockRanking.Each;

    /// <summary>Rounding.</summary>
    [Option("The number of channels that are left of a group is a multiple of this, as hardware likes it; for structures that are removed.", Min = 1, Example = "8")]
    public int RoundTo { get; init; } = 1;

    /// <summary>Limit for a group.</summary>
    [Option("The largest share of its channels that any group may lose; for structures that are removed.", Min = 0, Max = 1, Example = "70%")]
    public Fraction MaxRatio { get; init; } = new(1);

    /// <summary>What criteria look at.</summary>
    [Option("What criteria that look at gradients, activations or outputs are computed on.", Example = "{ data: { images: images.npy }, batch: 64 }")]
    public ImportanceOptions? Importance { get; init; }

    /// <summary>What the criterion sensitivity draws.</summary>
    [Option("For structure blocks: the samples that the criterion sensitivity draws; 16 in 10 steps when left out.", Example = "{ count: 16, steps: 10 }")]
    public ModelSampleOptions? Samples { get; init; }

    /// <summary>Rounds of pruning and training.</summary>
    [Option("Rounds in which the target is reached, each followed by a part of the training: a little is pruned, the rest recovers, and so on. After i of n rounds the sparsity is target * (1 - (1 - i/n)^3) (Zhu and Gupta 2017); structures are removed in equal parts.", Min = 1, Example = "5")]
    public int Rounds { get; init; } = 1;

    /// <summary>Training after each round.</summary>
    [Option("Training after pruning, its steps shared by all rounds; pruned weights stay zero.", Example = "{ data: { images: images.npy }, steps: 1000 }")]
    public FinetuneOptions? Finetune { get; init; }

    /// <summary>Which layers.</summary>
    [Option("Which layers to prune: convolutions and matrix products with constant weights. Channels are pruned when the layers that make them are selected. For structure blocks the patterns are name globs of blocks.", Example = "{ exclude: [conv_in, conv_out] }")]
    public LayerSelector Layers { get; init; } = new();
}
