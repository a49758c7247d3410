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
    private readonly List<Graph> _outputOf = [];
    private string _name;

    /// <summary>Creates a value; a graph or node takes it in.</summary>
    /// <param name="name">Its name, unique in its graph.</param>
    /// <param name="type">Its type; null when unknown.</param>
    public Value(string name, OnnxType? type = null)
    {
        _name = name;
        Type = type;
    }

    /// <summary>Its name, unique among the values of its graph.</summary>
    public string Name
    {
        get => _name;
        set
        {
            _name = value;
            Graph?.Reserve(value);
        }
    }

    /// <summary>Its type; null when neither declared nor inferred.</summary>
    public OnnxType? Type { get; set; }

    /// <summary>Documentation of the declaration.</summary>
    public string DocString { get; set; } = "";

    /// <summary>Free key-value pairs of the declaration.</summary>
    public List<KeyValuePair<string, string>> Metadata { get; } = [];

    /// <summary>The constant behind an initializer; null otherwise. An initializer may be a graph input too, then it is its default.</summary>
    public Tensor? Initializer { get; set; }

    /// <summary>The constant behind a sparse initializer; null otherwise.</summary>
    public SparseTensor? SparseInitializer { get; set; }

    /// <summary>The node that computes it; null for inputs and initializers.</summary>
    public Node? Producer { get; internal set; }

    /// <summary>Which output of <see cref="Producer"/> it is.</summary>
    public int ProducerIndex { get; internal set; }

    /// <summary>The graph it belongs to; null while in none.</summary>
    public Graph? Graph => Producer is null ? Home : Producer.Graph;

    /// <summary>Where nodes take it as input, in the order the uses were made, nodes of subgraphs included. Graph outputs are not uses.</summary>
    public IReadOnlyList<Use> Uses => _uses;

    /// <summary>True when a graph, its own or a subgraph, lists it as an output.</summary>
    public bool IsGraphOutput => _outputOf.Count > 0;

    /// <summary>True when neither a node nor a graph output needs it.</summary>
    public bool IsUnused => _uses.Count == 0 && _outputOf.Count == 0;

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

    /// <summary>The graph that lists it as input or initializer; null for outputs of nodes.</summary>
    internal Graph? Home { get; set; }

    internal ReadOnlyMemory<byte> UnknownFields { get; set; }

    /// <summary>What this value comes from through nodes of some kind, each by its first input; the value itself where no such node makes it.</summary>
    /// <param name="passes">Whether a node is of that kind.</param>
    public Value SourceThrough(Func<Node, bool> passes)
    {
        ArgumentNullException.ThrowIfNull(passes);
        var value = this;
        while (value.Producer is { } node && passes(node) && node.Input(0) is { } input)
        {
            value = input;
        }

        return value;
    }

    /// <summary>
    /// Makes every consumer take another value: nodes, those of subgraphs included, and graph outputs. An output of the main
    /// graph or of a function keeps its name: the replacement takes it over, and this value gets the replacement's.
    /// </summary>
    /// <param name="replacement">The other value.</param>
    /// <param name="except">A node that goes on taking this value, such as one that makes the replacement from it.</param>
    /// <exception cref="InvalidOperationException">An output's name cannot go over, since the replacement is no output of a node or
    /// has to keep its own name; an Identity node in between solves that.</exception>
    public void ReplaceAllUses(Value replacement, Node? except = null)
    {
        if (_outputOf.Exists(graph => graph.Owner is null))
        {
            if (replacement.Producer is null || replacement._outputOf.Exists(graph => graph.Owner is null))
            {
                throw new InvalidOperationException($"'{replacement.Name}' cannot take over the name of the output '{Name}'.");
            }

            (Name, replacement.Name) = (replacement.Name, Name);
        }

        foreach (var use in _uses.ToArray())
        {
            if (use.Node != except)
            {
                use.Node.SetInput(use.Index, replacement);
            }
        }

        foreach (var graph in _outputOf.Distinct().ToArray())
        {
            for (var index = 0; index < graph.Outputs.Count; index++)
            {
                if (graph.Outputs[index] == this)
                {
                    graph.Outputs[index] = replacement;
                }
            }
        }
    }

    /// <summary>
    /// Removes the value from its graph when nobody uses it, and then what it was made from as far as that is unused too.
    /// Graph inputs stay.
    /// </summary>
    public void RemoveIfUnused()
    {
        var waiting = new Stack<Value?>([this]);
        while (waiting.TryPop(out var value))
        {
            if (value is not { IsUnused: true, Graph: { } graph })
            {
                continue;
            }

            if (value.Producer is not { } producer)
            {
                if (!value.IsGraphInput)
                {
                    graph.RemoveInitializer(value);
                }
            }
            else if (producer.Outputs.All(output => output is null or { IsUnused: true }))
            {
                var inputs = producer.Inputs.ToArray();
                graph.Remove(producer);
                Array.ForEach(inputs, waiting.Push);
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {(object?)Type ?? "?"}";

    internal void AddUse(Use use) => _uses.Add(use);

    internal void RemoveUse(Use use) => _uses.Remove(use);

    internal void AddOutputOf(Graph graph) => _outputOf.Add(graph);

    internal void RemoveOutputOf(Graph graph) => _outputOf.Remove(graph);
}
