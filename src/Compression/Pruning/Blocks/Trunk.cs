using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>Follows the main data through a graph: across residual blocks as wholes, and along nodes that take nothing else.</summary>
internal sealed class Trunk
{
    private readonly BlockGraph _graph;
    private readonly Dictionary<Value, Block> _blocks = [];

    /// <param name="graph">The model.</param>
    /// <param name="residuals">Its residual blocks.</param>
    public Trunk(BlockGraph graph, IReadOnlyList<Block> residuals)
    {
        _graph = graph;
        foreach (var block in residuals.OrderByDescending(block => block.Nodes.Count))
        {
            _blocks.TryAdd(block.Source, block);
            InsideBlocks.UnionWith(block.Nodes);
            InsideBlocks.UnionWith(block.ShortcutNodes());
        }
    }

    /// <summary>The nodes of residual blocks and of their shortcuts.</summary>
    public HashSet<Node> InsideBlocks { get; } = [];

    /// <summary>The largest residual block that works on a value; null when there is none.</summary>
    public Block? BlockAt(Value value) => _blocks.GetValueOrDefault(value);

    /// <summary>The node that takes a value, when it is the only one and takes no other data; null otherwise. Who asks for the shape alone does not count.</summary>
    public Node? NodeAfter(Value value) =>
        !value.IsGraphOutput && value.Uses.Where(use => !use.Node.Is("Shape")).ToArray() is [{ Node: var node }] && IsUnary(node) ? node : null;

    /// <summary>True for a node of the main graph that takes one value of the main data, else constants, and gives one value.</summary>
    public bool IsUnary(Node node) =>
        node.Graph == _graph.Graph && !node.Subgraphs.Any() && node.Outputs is [not null] && node.Inputs.Count(BlockGraph.IsComputed) == 1 && node.Inputs.Any(_graph.IsStream);
}
