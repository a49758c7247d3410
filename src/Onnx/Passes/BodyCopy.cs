namespace CompressTool.Onnx.Passes;

/// <summary>Puts a copy of a function body or a branch in the place of the node that stands for it.</summary>
internal sealed class BodyCopy
{
    private readonly Graph _target;
    private readonly string _prefix;
    private readonly Func<Attribute, Attribute?> _bind;
    private readonly Dictionary<Value, Value?> _values = [];

    private BodyCopy(Graph target, string prefix, Func<Attribute, Attribute?> bind)
    {
        (_target, _prefix, _bind) = (target, prefix, bind);
    }

    /// <summary>Replaces a node by the nodes of a body.</summary>
    /// <param name="node">The node; its output values become outputs of the copy.</param>
    /// <param name="body">What it stands for; it stays as it is.</param>
    /// <param name="arguments">The values for the body's inputs; null where one is left out.</param>
    /// <param name="bind">What an attribute of the body becomes; null when it is left out.</param>
    /// <returns>The new nodes.</returns>
    public static IReadOnlyList<Node> Replace(Node node, Graph body, IReadOnlyList<Value?> arguments, Func<Attribute, Attribute?> bind)
    {
        var graph = node.Graph!;
        var copy = new BodyCopy(graph, node.Name.Length > 0 ? node.Name + "/" : "", bind);
        foreach (var (index, input) in body.Inputs.Index())
        {
            copy._values[input] = index < arguments.Count ? arguments[index] : null;
        }

        foreach (var initializer in Constants(body))
        {
            graph.AddInitializer(copy.Constant(initializer));
        }

        // The copy computes the very values that the node did, so that nobody needs to be told.
        var outputs = node.Outputs.ToArray();
        var others = new List<(Value From, Value To)>();
        for (var index = 0; index < outputs.Length; index++)
        {
            node.SetOutput(index, null);
            if (outputs[index] is { } output && !(body.Outputs[index].Producer?.Graph == body && copy._values.TryAdd(body.Outputs[index], output)))
            {
                // An argument that is handed through, a constant, or a value that is an output twice.
                others.Add((body.Outputs[index], output));
            }
        }

        var added = body.Nodes.Select(copy.Copy).ToList();
        added.AddRange(others.Select(pair => new Node("Identity", [copy.Find(pair.From)], [pair.To], graph.UniqueName(pair.To.Name))));
        foreach (var one in added)
        {
            graph.InsertBefore(node, one);
        }

        graph.Remove(node);
        return added;
    }

    private Node Copy(Node node)
    {
        var inputs = node.Inputs.Select(input => input is null ? null : Find(input));
        var attributes = node.Attributes.Select(_bind).OfType<Attribute>();
        var outputs = node.Outputs.Select(output => output is null ? null : Declare(output));
        var name = node.Name.Length > 0 ? _target.UniqueName(_prefix + node.Name) : "";
        var copy = new Node(node.OpType, inputs, outputs, name, node.Domain, attributes.Select(Copy).ToArray())
        {
            DocString = node.DocString,
            Overload = node.Overload,
        };
        copy.Metadata.AddRange(node.Metadata);
        return copy;
    }

    private Attribute Copy(Attribute attribute) => attribute.Value switch
    {
        Graph graph => attribute with { Value = Copy(graph) },
        IReadOnlyList<Graph> graphs => attribute with { Value = graphs.Select(Copy).ToArray() },
        _ => attribute,
    };

    private Graph Copy(Graph graph)
    {
        var result = new Graph { Name = graph.Name, DocString = graph.DocString };
        foreach (var input in graph.Inputs)
        {
            result.AddInput(Declare(input, input.Type));
        }

        foreach (var initializer in Constants(graph))
        {
            result.AddInitializer(Constant(initializer));
        }

        foreach (var node in graph.Nodes)
        {
            result.Add(Copy(node));
        }

        foreach (var output in graph.Outputs)
        {
            result.Outputs.Add(Find(output)!);
        }

        return result;
    }

    private static IEnumerable<Value> Constants(Graph graph) => graph.Initializers.Concat(graph.SparseInitializers);

    private Value Constant(Value value)
    {
        var copy = Declare(value, value.Type);
        (copy.Initializer, copy.SparseInitializer) = (value.Initializer, value.SparseInitializer);
        return copy;
    }

    /// <summary>What a value of the body is in the copy; values from outside are themselves.</summary>
    private Value? Find(Value value) => _values.TryGetValue(value, out var copy) ? copy : value;

    private Value Declare(Value value, OnnxType? type = null)
    {
        if (!_values.TryGetValue(value, out var copy) || copy is null)
        {
            _values[value] = copy = new Value(_target.UniqueName(_prefix + value.Name), type);
        }

        return copy;
    }
}
