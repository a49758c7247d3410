using CompressTool.Compression.Options;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>Sets of blocks with a name.</summary>
public enum BlockSet
{
    /// <summary>BK-SDM-Base.</summary>
    [OptionName("bk-sdm-base", Description = "For U-Nets (Kim et al. 2023): of every level the first part of the encoder stays, and the first and last part of the decoder, whose skips then fit.")]
    Base,

    /// <summary>BK-SDM-Small.</summary>
    [OptionName("bk-sdm-small", Description = "As bk-sdm-base, and the middle goes too.")]
    Small,

    /// <summary>BK-SDM-Tiny.</summary>
    [OptionName("bk-sdm-tiny", Description = "As bk-sdm-small, and the innermost level goes too.")]
    Tiny,
}

/// <summary>Finds sets of blocks that have a name. They are found by the sizes and the order of skips, whatever the nodes are called.</summary>
public static class BlockSets
{
    /// <summary>The blocks of a set, none inside another.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="set">The set.</param>
    /// <param name="bindings">Numbers for symbolic dimensions; as the model is made for, or any that fit, when null.</param>
    /// <exception cref="CompressToolException">The model is no U-Net, or not one that can lose the blocks (CMP4004), or has none to lose (CMP4002).</exception>
    public static IReadOnlyList<Block> Find(Model model, BlockSet set, IReadOnlyDictionary<string, long>? bindings = null)
    {
        var graph = new BlockGraph(model, bindings);
        var levels = UNetStructure.Find(graph).Levels;
        var inner = set switch
        {
            BlockSet.Base => null,
            BlockSet.Small => Inside(graph, levels[^1], "the middle"),
            _ => levels.Count > 1 ? Inside(graph, levels[^2], "the innermost level") : throw Unsuitable("it has one level only, and the innermost of several can go"),
        };
        var blocks = (set == BlockSet.Tiny ? levels.SkipLast(1) : levels).SelectMany(level => Parts(graph, level)).ToList();
        if (inner is not null)
        {
            blocks.Add(inner);
        }

        if (blocks.Count == 0)
        {
            throw new CompressToolException(CompressionErrors.NoEffect, "no level of the U-Net has more than one part in its encoder, so none can go") { OptionPath = "blocks" };
        }

        new BlockNames(model.Graph).Name(blocks);
        return blocks;
    }

    /// <summary>The parts of a level that go: those behind the first of the encoder, and those between the first and the last of the decoder.</summary>
    private static IEnumerable<Block> Parts(BlockGraph graph, UNetLevel level)
    {
        for (var step = 2; step < level.Skips.Count; step++)
        {
            var (entry, exit) = (level.Skips[step - 1], level.Skips[step]);
            yield return (graph.IsSameShape(entry, exit) ? graph.TryCreate(BlockKind.Chain, entry, new Bypass(exit, entry)) : null)
                ?? throw Unsuitable($"the part of the encoder that ends in '{exit.Name}' {graph.TypeOf(exit)} begins with '{entry.Name}' {graph.TypeOf(entry)}, which cannot stand for it");
        }

        for (var step = 1; step < level.Concats.Count - 1; step++)
        {
            var (concat, exit) = (level.Concats[step], level.Concats[step + 1].Inner);
            yield return (graph.IsSameShape(concat.Inner, exit) ? SkipSearch.Slot(graph, concat, exit) : null)
                ?? throw Unsuitable($"the part of the decoder that ends in '{exit.Name}' {graph.TypeOf(exit)} begins with '{concat.Inner.Name}' {graph.TypeOf(concat.Inner)}, which cannot stand for it");
        }
    }

    /// <summary>All that lies inside of a level.</summary>
    private static Block Inside(BlockGraph graph, UNetLevel level, string name)
    {
        var concat = level.Concats[0];
        return (graph.IsSameShape(concat.Inner, concat.Skip) ? graph.TryCreate(BlockKind.Level, concat.Skip, new Bypass(concat.Inner, concat.Skip)) : null)
            ?? throw Unsuitable($"{name} gives '{concat.Inner.Name}' {graph.TypeOf(concat.Inner)}, and the last skip before it, '{concat.Skip.Name}' {graph.TypeOf(concat.Skip)}, cannot stand for it");
    }

    private static CompressToolException Unsuitable(string why) => new(CompressionErrors.UnsuitableModel, $"the model cannot lose these blocks: {why}") { OptionPath = "blocks" };
}
