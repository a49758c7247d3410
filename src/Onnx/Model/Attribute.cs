namespace CompressTool.Onnx;

/// <summary>Kind of an attribute; the numbers are those of <c>AttributeProto.AttributeType</c>.</summary>
public enum AttributeKind
{
    /// <summary>Not set.</summary>
    Undefined = 0,
    /// <summary>float32.</summary>
    Float = 1,
    /// <summary>int64.</summary>
    Int = 2,
    /// <summary>UTF-8 bytes.</summary>
    String = 3,
    /// <summary>Tensor.</summary>
    Tensor = 4,
    /// <summary>Subgraph.</summary>
    Graph = 5,
    /// <summary>float32 list.</summary>
    Floats = 6,
    /// <summary>int64 list.</summary>
    Ints = 7,
    /// <summary>List of UTF-8 bytes.</summary>
    Strings = 8,
    /// <summary>Tensor list.</summary>
    Tensors = 9,
    /// <summary>Subgraph list.</summary>
    Graphs = 10,
    /// <summary>Sparse tensor.</summary>
    SparseTensor = 11,
    /// <summary>Sparse tensor list.</summary>
    SparseTensors = 12,
    /// <summary>Type, kept encoded.</summary>
    TypeProto = 13,
    /// <summary>Type list, kept encoded.</summary>
    TypeProtos = 14,
}

/// <summary>
/// An attribute of a node. <see cref="Value"/> is, by kind: float, long, byte memory, <see cref="Onnx.Tensor"/>,
/// <see cref="SparseTensor"/>, <see cref="Graph"/>, byte memory with an encoded TypeProto, or an IReadOnlyList of these.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Value">Its value; null when it refers to an attribute of the enclosing function.</param>
public sealed record Attribute(string Name, AttributeKind Kind, object? Value)
{
    /// <summary>In a function body, the function attribute that gives the value; empty otherwise.</summary>
    public string ReferenceName { get; init; } = "";

    /// <summary>Documentation.</summary>
    public string DocString { get; init; } = "";

    internal ReadOnlyMemory<byte> UnknownFields { get; init; }

    /// <summary>The subgraphs in it.</summary>
    public IReadOnlyList<Graph> Graphs => Value switch
    {
        Graph graph => [graph],
        IReadOnlyList<Graph> graphs => graphs,
        _ => [],
    };

    /// <summary>An int attribute.</summary>
    public static Attribute Int(string name, long value) => new(name, AttributeKind.Int, value);

    /// <summary>An int list attribute.</summary>
    public static Attribute Ints(string name, params IReadOnlyList<long> values) => new(name, AttributeKind.Ints, values);

    /// <summary>A float attribute.</summary>
    public static Attribute Float(string name, float value) => new(name, AttributeKind.Float, value);

    /// <summary>A string attribute.</summary>
    public static Attribute String(string name, string value) => new(name, AttributeKind.String, (ReadOnlyMemory<byte>)System.Text.Encoding.UTF8.GetBytes(value));

    /// <summary>A tensor attribute.</summary>
    public static Attribute Tensor(string name, Tensor value) => new(name, AttributeKind.Tensor, value);
}
