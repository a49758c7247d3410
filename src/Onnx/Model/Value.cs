namespace CompressTool.Onnx;

/// <summary>One use of a value: input <paramref name="Index"/> of <paramref name="Node"/>.</summary>
/// <param name="Node">The consumer.</param>
/// <param name="Index">Which input.</param>
public readonly record struct Use(Node Node, int Index);

/// <summary>
/// What flows along an edge of the graph: a graph input, an initializer, or an output of a node. Consumers refer to the
/// object, so renaming or replacing it needs one step.
/// </summary>
public sealed class Value
{
    private readonly List<Use> _uses = [];

    /// <summary>Creates a value; a graph or node takes it in.</summary>
    /// <param name="name">Its name, unique in its graph.</param>
    /// <param name="type">Its type; null when unknown.</param>
    public Value(string name, OnnxType? type = null)
    {
        Name = name;
        Type = type;
    }

    /// <summary>Its name, unique among the values of its graph.</summary>
    public string Name { get; set; }

    /// <summary>Its type; null when neither declared nor inferred.</summary>
    public OnnxType? Type { get; set; }

    /// <summary>Documentation of the declaration.</summary>
    public string DocString { get; set; } = "";

    /// <summary>Free key-value pairs of the declaration.</summary>
    public List<KeyValuePair<string, string>> Metadata { get; } = [];

    /// <summary>The constant behind an initializer; null otherwise. An initializer may be a graph input too, then it is its default.</summary>
    public Tensor? Initializer { get; set; }

    /// <summary>The node that computes it; null for inputs and initializers.</summary>
    public Node? Producer { get; internal set; }

    /// <summary>Which output of <see cref="Producer"/> it is.</summary>
    public int ProducerIndex { get; internal set; }

    /// <summary>Where nodes take it as input, in the order the uses were made, nodes of subgraphs included. Graph outputs are not uses.</summary>
    public IReadOnlyList<Use> Uses => _uses;

    /// <summary>The tensor type; null when it has none or another kind of type.</summary>
    public TensorType? TensorType => Type as TensorType;

    /// <summary>The shape; null when unknown.</summary>
    public Shape? Shape => TensorType?.Shape;

    /// <summary>The element type; Undefined when unknown.</summary>
    public DataType ElementType => TensorType?.ElementType ?? Initializer?.Type ?? DataType.Undefined;

    /// <summary>
    /// The constant this value always has: its initializer (unless it is a graph input, which may be overridden), or the
    /// tensor of the Constant node that makes it. Null when it is computed.
    /// </summary>
    public Tensor? ConstantTensor =>
        Initializer is not null ? (IsGraphInput ? null : Initializer)
        : Producer is { OpType: "Constant", Domain: "" } constant ? constant.ConstantAttribute() : null;

    /// <summary>True when its graph lists it as an input.</summary>
    public bool IsGraphInput { get; internal set; }

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {(object?)Type ?? "?"}";

    internal void AddUse(Use use) => _uses.Add(use);

    internal void RemoveUse(Use use) => _uses.Remove(use);
}
