using CompressTool.Onnx.Cost;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>What counts against a target.</summary>
public enum BlockMeasure
{
    /// <summary>Parameters.</summary>
    Parameters,

    /// <summary>Multiply-accumulate operations with weights.</summary>
    Macs,

    /// <summary>Innermost blocks.</summary>
    Count,
}

/// <summary>
/// Chooses which blocks go. Losses are taken to add up, as LAPTOP-Diff does, so that the best choice is a knapsack. A block and those inside it
/// are alternatives, and both are in it: the knapsack is one over trees.
/// </summary>
public static class BlockSelection
{
    /// <summary>Chooses the blocks that cost least and give what is wanted.</summary>
    /// <param name="candidates">The blocks that may go, in the order of <see cref="BlockAnalysis.Find"/>.</param>
    /// <param name="scores">What goes without each.</param>
    /// <param name="measure">What they shall give.</param>
    /// <param name="demand">How much of it.</param>
    /// <returns>The blocks, none inside another; null when all together do not give enough.</returns>
    public static IReadOnlyList<Block>? Choose(IReadOnlyList<Block> candidates, BlockScores scores, BlockMeasure measure, long demand)
    {
        CoverItem[] items = [.. candidates.Index().Select(block => new CoverItem(Gain(block.Item, candidates, measure), scores.Of(block.Item), Inside(candidates, block.Index)))];
        return CoverKnapsack.Choose(items, demand)?.Select(index => candidates[index]).ToArray();
    }

    /// <summary>What blocks must give so that no more than a share of a model is left.</summary>
    /// <param name="model">The model's cost.</param>
    /// <param name="measure">Parameters or operations.</param>
    /// <param name="left">The share.</param>
    public static long Demand(ModelCost model, BlockMeasure measure, double left)
    {
        var whole = measure == BlockMeasure.Parameters ? model.Parameters : model.PerSample.Macs;
        return (long)Math.Ceiling((whole * (1 - left)) - (whole * 1e-12));
    }

    /// <summary>The most that blocks can give together.</summary>
    public static long Most(IReadOnlyList<Block> candidates, BlockMeasure measure) =>
        candidates.Where(block => !candidates.Any(block.IsInside)).Sum(block => Gain(block, candidates, measure));

    /// <summary>The share of a model that is left without so much.</summary>
    internal static double Left(ModelCost model, BlockMeasure measure, long gain) => 1 - (gain / (measure == BlockMeasure.Parameters ? model.Parameters : model.PerSample.Macs));

    /// <summary>What a block gives.</summary>
    private static long Gain(Block block, IReadOnlyList<Block> candidates, BlockMeasure measure) => measure switch
    {
        BlockMeasure.Parameters => block.Parameters,
        BlockMeasure.Macs => (long)block.Macs,
        _ => Math.Max(1, candidates.Count(other => other.IsInside(block) && !candidates.Any(inner => inner.IsInside(other)))),
    };

    /// <summary>How many of the blocks behind a block are inside it.</summary>
    private static int Inside(IReadOnlyList<Block> blocks, int index)
    {
        var count = 0;
        while (index + 1 + count < blocks.Count && blocks[index + 1 + count].IsInside(blocks[index]))
        {
            count++;
        }

        return count;
    }
}
