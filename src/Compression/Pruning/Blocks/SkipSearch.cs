using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>A Concat of what comes from inside with a value that went there before: where a decoder takes a skip (Ronneberger et al. 2015).</summary>
/// <param name="Node">The Concat.</param>
/// <param name="Inner">What comes from inside.</param>
/// <param name="Skip">What was kept.</param>
internal sealed record SkipConcat(Node Node, Value Inner, Value Skip)
{
    /// <summary>What both together are.</summary>
    public Value Output => Node.Outputs[0]!;
}

/// <summary>Finds the steps of decoders that take skips, and the levels that lie between a skip and its taker.</summary>
/// <param name="graph">The model.</param>
/// <param name="trunk">How the data goes on.</param>
internal sealed class SkipSearch(BlockGraph graph, Trunk trunk)
{
    /// <summary>The skips, in the order of their takers.</summary>
    public static IReadOnlyList<SkipConcat> Concats(BlockGraph graph)
    {
        var found = new List<SkipConcat>();
        foreach (var node in graph.Graph.Nodes.Where(node => node.Is("Concat") && node.Outputs is [not null]))
        {
            // What is an image or a sequence; sizes are put together by Concat too.
            if (node.Inputs is [{ } left, { } right] && left != right && graph.IsStream(left) && graph.IsStream(right) && graph.ShapeOf(left) is { Count: > 2 })
            {
                if (IsTakenHere(left) && graph.DependsOn(left, right))
                {
                    found.Add(new SkipConcat(node, left, right));
                }
                else if (IsTakenHere(right) && graph.DependsOn(right, left))
                {
                    found.Add(new SkipConcat(node, right, left));
                }
            }
        }

        return found;
    }

    /// <summary>True for a value that one node alone takes. In dense blocks (Huang et al. 2017) all that follow take it.</summary>
    private static bool IsTakenHere(Value inner) => inner.Uses.Count(use => !use.Node.Is("Shape")) == 1;

    /// <summary>The levels and steps.</summary>
    public IEnumerable<Block> Find()
    {
        foreach (var concat in Concats(graph))
        {
            if (graph.IsSameShape(concat.Inner, concat.Skip) && graph.TryCreate(BlockKind.Level, concat.Skip, new Bypass(concat.Inner, concat.Skip)) is { } level)
            {
                yield return level;
            }

            if (End(concat) is { } exit && Slot(graph, concat, exit) is { } slot)
            {
                yield return slot;
            }
        }
    }

    /// <summary>The step of a decoder from a Concat to a value of the shape that came from inside; null when it cannot go.</summary>
    public static Block? Slot(BlockGraph graph, SkipConcat concat, Value exit) =>
        graph.TryCreate(BlockKind.Slot, concat.Inner, new Bypass(exit, concat.Inner)) is { } slot && slot.Nodes.Contains(concat.Node) ? slot : null;

    /// <summary>Where a step ends: behind its last residual block, or else its last layer and what follows without layers, in the same size.</summary>
    private Value? End(SkipConcat concat)
    {
        var (value, residual, plain, hasProducts) = (concat.Output, (Value?)null, (Value?)null, false);
        while (true)
        {
            if (trunk.BlockAt(value) is { } block)
            {
                value = block.Exit;
                residual = graph.IsSameShape(value, concat.Inner) ? value : residual;
            }
            else if (trunk.NodeAfter(value) is { } node && HasSameSize(node.Outputs[0]!, concat.Inner))
            {
                hasProducts |= graph.HasProducts(node);
                value = node.Outputs[0]!;
                plain = hasProducts && graph.IsSameShape(value, concat.Inner) ? value : plain;
            }
            else
            {
                return residual ?? plain;
            }
        }
    }

    /// <summary>True for images of the same height and width.</summary>
    private bool HasSameSize(Value one, Value other) =>
        graph.ShapeOf(one) is { } a && graph.ShapeOf(other) is { } b && a.Count == b.Count && a.Zip(b).Skip(2).All(pair => BlockGraph.IsSame(pair.First, pair.Second));
}
