namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>Blocks as trees: of two blocks that share nodes one is inside the other.</summary>
internal static class BlockForest
{
    /// <summary>
    /// Puts blocks in order, each before those inside it, and sets their parents. A block of the same nodes as an earlier one of
    /// the list, or that overlaps one without being inside it or around it, is left out.
    /// </summary>
    /// <param name="blocks">The blocks, the more important ones first.</param>
    /// <param name="graph">The model.</param>
    public static IReadOnlyList<Block> Arrange(IEnumerable<Block> blocks, BlockGraph graph)
    {
        var kept = new List<Block>();
        foreach (var block in blocks)
        {
            if (kept.TrueForAll(other => AreNested(block, other)))
            {
                kept.Add(block);
            }
        }

        kept.Sort((one, other) => (Start(one), -one.Nodes.Count).CompareTo((Start(other), -other.Nodes.Count)));
        foreach (var block in kept)
        {
            block.Parent = kept.Where(other => other.Nodes.Count > block.Nodes.Count && block.Nodes.IsSubsetOf(other.Nodes)).MinBy(other => other.Nodes.Count);
        }

        var order = new List<Block>();
        var children = kept.ToLookup(block => block.Parent);
        Add(null);
        return order;

        void Add(Block? parent)
        {
            foreach (var child in children[parent])
            {
                order.Add(child);
                Add(child);
            }
        }

        int Start(Block block) => block.Nodes.Where(graph.HasProducts).Min(graph.Position);
    }

    private static bool AreNested(Block one, Block other)
    {
        var (small, large) = one.Nodes.Count <= other.Nodes.Count ? (one, other) : (other, one);
        return small.Nodes.Count == large.Nodes.Count ? !small.Nodes.SetEquals(large.Nodes) && !small.Nodes.Overlaps(large.Nodes)
            : small.Nodes.IsSubsetOf(large.Nodes) || !small.Nodes.Overlaps(large.Nodes);
    }
}
