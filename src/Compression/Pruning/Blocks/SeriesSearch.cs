using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>
/// Finds layers in a row, outside residual blocks, that give a value of the shape that they take: convolutions of plain networks with
/// their normalisations and activations.
/// </summary>
/// <param name="graph">The model.</param>
/// <param name="trunk">How the data goes on.</param>
internal sealed class SeriesSearch(BlockGraph graph, Trunk trunk)
{
    /// <summary>The blocks, each as short as it can be, none overlapping another.</summary>
    public IEnumerable<Block> Find()
    {
        var seen = new HashSet<Node>();
        foreach (var first in graph.Graph.Nodes.Where(IsPlain))
        {
            if (!seen.Add(first))
            {
                continue;
            }

            List<Value> path = [first.Inputs.First(graph.IsStream)!, first.Outputs[0]!];
            while (trunk.NodeAfter(path[^1]) is { } next && IsPlain(next))
            {
                seen.Add(next);
                path.Add(next.Outputs[0]!);
            }

            if (!IsGate(path))
            {
                foreach (var block in Along(path))
                {
                    yield return block;
                }
            }
        }
    }

    private bool IsPlain(Node node) => trunk.IsUnary(node) && !trunk.InsideBlocks.Contains(node);

    /// <summary>True when the row ends in a factor for what it comes from, as in squeeze and excitation (Hu et al. 2018): nothing can stand for that.</summary>
    private bool IsGate(List<Value> path) => path[^1].Uses is [{ Node: var node, Index: var index }] && node.Is("Mul") && node.Input(1 - index) is { } factor && graph.DependsOn(path[0], factor);

    private IEnumerable<Block> Along(List<Value> path)
    {
        for (var start = 0; start < path.Count - 1;)
        {
            if (End(path, start) is not { } end || graph.TryCreate(BlockKind.Series, path[start], new Bypass(path[end], path[start])) is not { } block)
            {
                start++;
                continue;
            }

            yield return block;
            start = end;
        }
    }

    /// <summary>The first value of the same shape behind a layer, and when the row starts with a layer, the last before the next one.</summary>
    private int? End(List<Value> path, int start)
    {
        var end = start + 1;
        for (var hasProducts = false; ; end++)
        {
            if (end == path.Count)
            {
                return null;
            }

            hasProducts |= HasProducts(end);
            if (hasProducts && graph.IsSameShape(path[start], path[end]))
            {
                break;
            }
        }

        while (HasProducts(start + 1) && end + 1 < path.Count && !HasProducts(end + 1) && graph.IsSameShape(path[start], path[end + 1]))
        {
            end++;
        }

        return end;

        bool HasProducts(int index) => graph.HasProducts(path[index].Producer!);
    }
}
