using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx;

/// <summary>The order of nodes in which each comes after those that make its inputs.</summary>
internal static class TopologicalOrder
{
    /// <summary>The nodes of one graph in topological order, the present order kept where it is free; null when they are in such an order.</summary>
    /// <exception cref="CompressToolException">There is a cycle.</exception>
    public static List<Node>? Sort(IReadOnlyList<Node> nodes)
    {
        var position = new Dictionary<Node, int>(nodes.Count);
        foreach (var node in nodes)
        {
            position.Add(node, position.Count);
        }

        var waiting = new int[nodes.Count];
        var consumers = new List<int>?[nodes.Count];
        var isSorted = true;
        for (var index = 0; index < nodes.Count; index++)
        {
            foreach (var producer in Needs(nodes[index]).Select(value => value.Producer).OfType<Node>().Distinct())
            {
                if (position.TryGetValue(producer, out var source))
                {
                    isSorted &= source < index;
                    (consumers[source] ??= []).Add(index);
                    waiting[index]++;
                }
            }
        }

        if (isSorted)
        {
            return null;
        }

        var ready = new PriorityQueue<int, int>(Enumerable.Range(0, nodes.Count).Where(index => waiting[index] == 0).Select(index => (index, index)));
        var sorted = new List<Node>(nodes.Count);
        while (ready.TryDequeue(out var index, out _))
        {
            sorted.Add(nodes[index]);
            foreach (var consumer in consumers[index] ?? [])
            {
                if (--waiting[consumer] == 0)
                {
                    ready.Enqueue(consumer, consumer);
                }
            }
        }

        if (sorted.Count < nodes.Count)
        {
            var stuck = nodes[Array.FindIndex(waiting, count => count > 0)];
            throw new CompressToolException(OnnxErrors.InvalidGraph, $"the graph has a cycle; the node '{stuck.DisplayName}' is part of it or depends on it");
        }

        return sorted;
    }

    /// <summary>The inputs of a node, and the values that its subgraphs take, from inside or outside.</summary>
    private static IEnumerable<Value> Needs(Node node) =>
        node.Inputs.OfType<Value>().Concat(node.Subgraphs.SelectMany(graph => graph.Outputs.Concat(graph.Nodes.SelectMany(Needs))));
}
