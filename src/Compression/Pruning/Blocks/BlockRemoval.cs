using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>What a model cost before blocks were removed, and what it costs afterwards.</summary>
/// <param name="Before">The cost before.</param>
/// <param name="After">The cost afterwards.</param>
public sealed record BlockRemovalReport(ModelCost Before, ModelCost After);

/// <summary>Removes blocks from a graph: what uses their results takes what came into them, and what nobody needs then goes.</summary>
public static class BlockRemoval
{
    /// <summary>Removes blocks. Shapes of what is left are inferred anew.</summary>
    /// <param name="model">The model, which the blocks were found in.</param>
    /// <param name="blocks">The blocks; they belong to the graph no more afterwards, nor do other blocks that were found with them.</param>
    /// <param name="bindings">Numbers for symbolic dimensions, for the costs; as the model is made for, or any that fit, when null.</param>
    /// <exception cref="CompressToolException">Two of the blocks cannot be removed together (CMP4007); the model is as before then.</exception>
    public static BlockRemovalReport Remove(Model model, IReadOnlyCollection<Block> blocks, IReadOnlyDictionary<string, long>? bindings = null)
    {
        Check(blocks);
        bindings ??= BlockGraph.LengthsOf(model);
        var before = ModelCost.Measure(model, bindings);
        Bypass(model.Graph, blocks);
        model.Graph.RemoveUnused();
        ShapeInference.Run(model, new InferenceOptions { Refresh = true });
        return new BlockRemovalReport(before, ModelCost.Measure(model, bindings));
    }

    /// <summary>Checks that blocks can be removed together: none is another, overlaps it or is inside of it.</summary>
    /// <exception cref="CompressToolException">Two of them cannot (CMP4007).</exception>
    public static void Check(IReadOnlyCollection<Block> blocks)
    {
        var owners = new Dictionary<Node, Block>();
        foreach (var block in blocks)
        {
            foreach (var node in block.Nodes)
            {
                if (!owners.TryAdd(node, block))
                {
                    var other = owners[node];
                    throw new CompressToolException(CompressionErrors.ConflictingBlocks, block.IsInside(other) || other.IsInside(block)
                        ? $"'{(block.IsInside(other) ? block : other).Name}' is a part of '{(block.IsInside(other) ? other : block).Name}' and goes with it; name one of them"
                        : $"the blocks '{other.Name}' and '{block.Name}' share the node '{node.DisplayName}'; name one of them");
                }
            }
        }
    }

    private static void Bypass(Graph graph, IReadOnlyCollection<Block> blocks)
    {
        var replaced = blocks.SelectMany(block => block.Bypasses).ToDictionary(bypass => bypass.Exit, bypass => bypass.Entry);
        foreach (var exit in replaced.Keys)
        {
            var entry = BlockRegion.Resolve(exit, replaced);
            if (exit.IsGraphOutput && (entry.Producer is null || entry.IsGraphOutput))
            {
                // Both names have to stay.
                entry = graph.AddNode(exit.Producer, "Identity", exit.Name, [entry], entry.Type);
            }

            exit.ReplaceAllUses(entry);
        }
    }
}
