using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Inference;

/// <summary>Walks a graph, its subgraphs and the bodies of the functions it calls, and collects a fact about every value.</summary>
internal sealed class GraphInference(Session session, IReadOnlyDictionary<string, long> opsets, IReadOnlyDictionary<string, Attribute>? callAttributes = null)
{
    /// <summary>Calls nested deeper than this are taken for a function that calls itself, which the format forbids.</summary>
    private const int MaxCallDepth = 64;

    /// <summary>Functions that call functions can make a small file stand for a graph without end.</summary>
    private const long MaxVisits = 10_000_000;

    private readonly Dictionary<Value, Fact> _facts = [];
    private readonly Dictionary<(string Domain, string OpType), OperatorRule?> _rules = [];

    public Session Session { get; } = session;

    public IReadOnlyDictionary<string, long> Opsets { get; } = opsets;

    /// <summary>In a function, the attributes of the call; empty otherwise.</summary>
    public IReadOnlyDictionary<string, Attribute> CallAttributes { get; } = callAttributes ?? new Dictionary<string, Attribute>();

    /// <summary>What was found out about the body of a function in each of its calls.</summary>
    public Dictionary<Node, (Function Function, GraphInference Body)> Calls { get; } = [];

    public Fact Fact(Value value) => _facts.GetValueOrDefault(value) ?? Inference.Fact.Unknown;

    public static CompressToolException Mismatch(Node node, string message) =>
        new(OnnxErrors.ShapeMismatch, $"node '{node.DisplayName}'{(node.DisplayName.StartsWith(node.OpType, StringComparison.Ordinal) ? "" : $" ({node.OpType})")}: {message}");

    /// <summary>Infers a graph whose inputs have the types they declare.</summary>
    public void Run(Graph graph)
    {
        foreach (var input in graph.Inputs)
        {
            _facts[input] = DeclaredInput(input);
        }

        RunNodes(graph);
    }

    /// <summary>Infers a subgraph or function body from facts about its inputs.</summary>
    public void Run(Graph graph, IReadOnlyList<Fact> inputs)
    {
        for (var index = 0; index < graph.Inputs.Count; index++)
        {
            var input = graph.Inputs[index];
            _facts[input] = Combine(input, index < inputs.Count ? inputs[index] : Inference.Fact.Unknown, null);
        }

        RunNodes(graph);
    }

    /// <summary>Puts down what a rule found out about an output.</summary>
    public void Record(Value value, Fact fact, Node node) => _facts[value] = Combine(value, fact, node);

    /// <summary>Puts down the content of an output whose type is there already.</summary>
    public void Fill(Value value, Fact fact) => _facts[value] = fact;

    /// <summary>What an input that is added later declares; its symbols become symbols of the model.</summary>
    public Fact Declare(Value input)
    {
        Session.AddSymbols(input.Shape);
        return DeclaredInput(input);
    }

    /// <summary>Infers one node more, whose inputs have been inferred.</summary>
    public void RunNode(Node node)
    {
        try
        {
            Visit(node);
        }
        catch (OverflowException e)
        {
            throw new CompressToolException(OnnxErrors.ShapeMismatch, Mismatch(node, "its shapes are larger than 64 bits can count").Message, inner: e);
        }
    }

    private void RunNodes(Graph graph)
    {
        foreach (var initializer in graph.Initializers)
        {
            if (!initializer.IsGraphInput)
            {
                _facts[initializer] = Inference.Fact.Of(initializer.Initializer!);
            }
        }

        foreach (var sparse in graph.SparseInitializers)
        {
            if (!sparse.IsGraphInput && sparse.SparseInitializer is { } tensor)
            {
                _facts[sparse] = new Fact(tensor.Values.Type, [.. tensor.Dims.Select(Expression.Of)]);
            }
        }

        foreach (var node in graph.Nodes)
        {
            RunNode(node);
        }
    }

    private void Visit(Node node)
    {
        if (++Session.Visits > MaxVisits)
        {
            throw new CompressToolException(OnnxErrors.InvalidGraph, $"functions and loops make the model larger than {MaxVisits} nodes");
        }

        var context = new NodeContext(this, node);
        if (Session.Functions.TryGetValue((node.Domain, node.OpType, node.Overload), out var function))
        {
            Call(function, context);
        }
        else if (Rule(node) is { } rule)
        {
            rule.Shape(context);
            rule.Content?.Invoke(context);
        }

        foreach (var output in node.Outputs)
        {
            if (output is not null && !_facts.ContainsKey(output))
            {
                Record(output, Inference.Fact.Unknown, node);
            }
        }
    }

    private OperatorRule? Rule(Node node)
    {
        var key = (node.Domain, node.OpType);
        if (!_rules.TryGetValue(key, out var rule))
        {
            _rules[key] = rule = OperatorRules.Find(node.Domain, node.OpType);
        }

        return rule;
    }

    private void Call(Function function, NodeContext context)
    {
        if (++Session.CallDepth > MaxCallDepth)
        {
            throw new CompressToolException(OnnxErrors.InvalidGraph, $"the function '{function.Name}' calls itself");
        }

        var attributes = function.AttributeDefaults.ToDictionary(attribute => attribute.Name);
        foreach (var attribute in context.Node.Attributes)
        {
            if (context.Attribute(attribute.Name) is { } given)
            {
                attributes[attribute.Name] = given;
            }
        }

        var body = new GraphInference(Session, function.OpsetImports, attributes);
        Calls[context.Node] = (function, body);
        body.Run(function.Body, [.. context.Node.Inputs.Select(input => input is null ? Inference.Fact.Unknown : Fact(input))]);
        for (var output = 0; output < Math.Min(function.Body.Outputs.Count, context.OutputCount); output++)
        {
            context.SetFact(output, body.Fact(function.Body.Outputs[output]));
        }

        Session.CallDepth--;
    }

    private Fact DeclaredInput(Value input)
    {
        var type = input.TensorType;
        var shape = Session.Options.InputShapes.GetValueOrDefault(input.Name) ?? type?.Shape ?? (input.Initializer is { } tensor ? Shape.Of(tensor.Dims) : null);
        return new Fact(input.ElementType, shape is null ? null : [.. shape.Select((dim, axis) => Session.Parse(dim) ?? Session.Opaque(input.Name, axis))]);
    }

    /// <summary>What was found out together with what is declared.</summary>
    private Fact Combine(Value value, Fact fact, Node? node)
    {
        if (value.TensorType is not { } declared)
        {
            return fact;
        }

        var refresh = Session.Options.Refresh;
        var type = fact.Type == DataType.Undefined || (declared.ElementType != fact.Type && declared.ElementType != DataType.Undefined && !refresh)
            ? declared.ElementType : fact.Type;
        if (fact.Type != DataType.Undefined && type != fact.Type)
        {
            throw Contradiction(value, fact, declared, node);
        }

        if (declared.Shape is not { } shape || (fact.Dims is not null && refresh))
        {
            return type == fact.Type ? fact : fact with { Type = type };
        }

        if (fact.Dims is null)
        {
            return fact with { Type = type, Dims = [.. shape.Select((dim, axis) => Session.Parse(dim) ?? Session.Opaque(value.Name, axis))] };
        }

        if (shape.Count != fact.Dims.Length)
        {
            throw Contradiction(value, fact, declared, node);
        }

        var dims = fact.Dims;
        for (var axis = 0; axis < dims.Length; axis++)
        {
            if (Session.Parse(shape[axis]) is { } dim && !dim.Equals(dims[axis]))
            {
                var merged = Session.Merge(dims[axis], dim) ?? throw Contradiction(value, fact, declared, node);
                if (!ReferenceEquals(merged, dims[axis]))
                {
                    dims = ReferenceEquals(dims, fact.Dims) ? [.. dims] : dims;
                    dims[axis] = merged;
                }
            }
        }

        return type == fact.Type && ReferenceEquals(dims, fact.Dims) ? fact : fact with { Type = type, Dims = dims };
    }

    private static CompressToolException Contradiction(Value value, Fact fact, TensorType declared, Node? node)
    {
        var message = $"'{value.Name}' is {fact.Type.DisplayName()}{NodeContext.Show(fact.Dims)} by what goes in, but declared {declared}";
        return node is null ? new CompressToolException(OnnxErrors.ShapeMismatch, message) : Mismatch(node, message);
    }
}
