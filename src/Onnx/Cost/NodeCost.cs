namespace CompressTool.Onnx.Cost;

/// <summary>The cost of one node of the main graph; a node with subgraphs, or one that calls a function, has the cost of what is inside.</summary>
/// <param name="Node">The node.</param>
/// <param name="Macs">Multiply-accumulate operations with weights.</param>
/// <param name="AttentionMacs">Multiply-accumulate operations of two computed values, as in attention.</param>
/// <param name="Parameters">Elements of the weights that this node is the first to use.</param>
/// <param name="Bytes">Bytes of those weights.</param>
public sealed record NodeCost(Node Node, long Macs, long AttentionMacs, long Parameters, long Bytes)
{
    /// <summary>All multiply-accumulate operations.</summary>
    public long MacsWithAttention => Macs + AttentionMacs;
}

/// <summary>Cost of a forward pass for one sample.</summary>
/// <param name="Macs">Multiply-accumulate operations with weights.</param>
/// <param name="MacsWithAttention">All multiply-accumulate operations.</param>
public sealed record SampleCost(double Macs, double MacsWithAttention);

/// <summary>A weight of a model.</summary>
/// <param name="Value">The initializer.</param>
/// <param name="Elements">How many parameters it holds; packed 4-bit weights count one by one, without padding.</param>
/// <param name="Bytes">How many bytes it takes.</param>
public sealed record Weight(Value Value, long Elements, long Bytes);
