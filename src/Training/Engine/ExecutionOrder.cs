using CompressTool.Onnx;

namespace CompressTool.Training.Engine;

/// <summary>
/// Makes ONNX Runtime compute gradients in the order of the backward pass. The runtime takes the nodes whose outputs nobody uses,
/// the last of the model first, and before each what it needs; gradients of parameters are such nodes, and in the order in which
/// they are written the gradient of the first layer would come first and keep everything for the others in memory.
/// </summary>
internal sealed class ExecutionOrder
{
    private readonly Graph _graph;
    private readonly Node[] _last;

    /// <summary>Takes the order of a topologically sorted graph.</summary>
    public ExecutionOrder(Graph graph)
    {
        _graph = graph;
        RemoveCopies();
        var position = graph.Nodes.Index().ToDictionary(node => node.Item, node => node.Index);
        _last = [.. graph.Nodes.Where(node => node.Outputs.All(output => output is null || !output.Uses.Any()))
            .OrderByDescending(node => node.Inputs.Max(input => input?.Producer is { } producer ? position[producer] : -1))];
    }

    /// <summary>Puts the nodes that nobody used at the end, the first last, whatever has been added since.</summary>
    public void Apply() => _graph.Reorder([.. _graph.Nodes.Except(_last), .. _last]);

    /// <summary>The Identity before an output goes where it can: the runtime would remove it and undo the order.</summary>
    private void RemoveCopies()
    {
        foreach (var copy in _graph.Nodes.Where(node => node.Is("Identity")).ToArray())
        {
            if (copy.Outputs[0] is { IsGraphOutput: true } output && copy.Inputs[0] is { Producer: not null, IsGraphOutput: false } source)
            {
                output.ReplaceAllUses(source);
                _graph.Remove(copy);
            }
        }
    }
}
