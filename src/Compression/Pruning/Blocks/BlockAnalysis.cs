using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>
/// Finds the blocks of a model: parts whose results can be replaced by values of the same shape that come into them. The search
/// looks at the graph alone; names only label what it finds.
/// </summary>
public static class BlockAnalysis
{
    /// <summary>
    /// The blocks of a model, each before those inside it. Of two blocks that share nodes one is inside the other
    /// (<see cref="Block.Parent"/>).
    /// </summary>
    /// <param name="model">The model; it is not changed, and weights are not read.</param>
    /// <param name="bindings">Numbers for symbolic dimensions; as the model is made for, or any that fit, when null.</param>
    /// <exception cref="CompressToolException">Shapes contradict each other (CMP2006), or a binding names no symbol (CMP2010).</exception>
    public static IReadOnlyList<Block> Find(Model model, IReadOnlyDictionary<string, long>? bindings = null)
    {
        var graph = new BlockGraph(model, bindings);
        var residuals = BlockForest.Arrange(new ResidualSearch(graph).Find(), graph);
        var trunk = new Trunk(graph, residuals);
        Block[] all = [.. residuals, .. new SkipSearch(graph, trunk).Find(), .. new ChainSearch(graph).Find(residuals), .. new SeriesSearch(graph, trunk).Find()];
        var blocks = BlockForest.Arrange(all, graph);
        new BlockNames(model.Graph).Name(blocks);
        return blocks;
    }
}
