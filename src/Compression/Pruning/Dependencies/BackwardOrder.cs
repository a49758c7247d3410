using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// The order in which groups are listed, scored and cut: nodes from the outputs backwards, depth first, the last input first, each
/// numbered when it is first seen. It is the order of Torch-Pruning's tracing, so that choices that depend on it are the same.
/// </summary>
internal static class BackwardOrder
{
    /// <summary>The number of each node that an output depends on.</summary>
    public static IReadOnlyDictionary<Node, int> Of(Graph graph)
    {
        var order = new Dictionary<Node, int>();
        var waiting = new Stack<Node>();
        var visited = new HashSet<Node>();
        foreach (var producer in graph.Outputs.Select(output => output.Producer).OfType<Node>())
        {
            order.TryAdd(producer, order.Count);
            waiting.Push(producer);
        }

        while (waiting.TryPop(out var node))
        {
            if (!visited.Add(node))
            {
                continue;
            }

            foreach (var producer in node.Inputs.Select(input => input?.Producer).OfType<Node>())
            {
                order.TryAdd(producer, order.Count);
                waiting.Push(producer);
            }
        }

        return order;
    }
}
