using System.Diagnostics.CodeAnalysis;
using System.Text;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Inference;

/// <summary>What a rule sees of a node: what is known about its inputs, its attributes, and where it puts what it finds out.</summary>
internal sealed partial class NodeContext(GraphInference graph, Node node)
{
    public Node Node { get; } = node;

    public GraphInference Graph { get; } = graph;

    public Session Session => Graph.Session;

    /// <summary>Version of the operator's domain; very large when the model does not say.</summary>
    public long Opset { get; } = graph.Opsets.TryGetValue(node.Domain, out var version) ? version : long.MaxValue;

    public int InputCount => Node.Inputs.Count;

    public int OutputCount => Node.Outputs.Count;

    /// <summary>True when the input is there.</summary>
    public bool Has(int input) => Node.Input(input) is not null;

    public Fact Fact(int input) => Node.Input(input) is { } value ? Graph.Fact(value) : Inference.Fact.Unknown;

    /// <summary>What a rule found out about an output so far.</summary>
    public Fact OutputFact(int output) => Node.Output(output) is { } value ? Graph.Fact(value) : Inference.Fact.Unknown;

    /// <summary>Element type of an input; Undefined when unknown.</summary>
    public DataType Type(int input) => Fact(input).Type;

    /// <summary>Shape of an input; null when unknown.</summary>
    public Expression[]? Dims(int input) => Fact(input).Dims;

    /// <summary>Shape of an input that must have this rank; null when unknown.</summary>
    public Expression[]? Dims(int input, int rank) => Dims(input) is not { } dims || dims.Length == rank ? Dims(input)
        : throw Mismatch($"{What(input)} must have {rank} dimensions, not the shape {Show(dims)}");

    /// <summary>Shape of an input that must have at least this rank; null when unknown.</summary>
    public Expression[]? DimsFrom(int input, int leastRank) => Dims(input) is not { } dims || dims.Length >= leastRank ? Dims(input)
        : throw Mismatch($"{What(input)} must have at least {leastRank} dimensions, not the shape {Show(dims)}");

    /// <summary>The elements of a small integer input; null when unknown.</summary>
    public Expression?[]? Elements(int input) => Fact(input).Elements;

    /// <summary>The elements of a small integer input as numbers; null when not all are known.</summary>
    public long[]? Numbers(int input) => Fact(input).Numbers;

    /// <summary>Sets what is known about an output. The shape is null when not even the rank is known.</summary>
    public void Set(int output, DataType type, params Expression[]? dims) => SetFact(output, new Fact(type, dims));

    /// <summary>Sets what is known about an output.</summary>
    public void SetFact(int output, Fact fact)
    {
        if (fact.Dims?.Any(dim => dim.Number < 0) == true)
        {
            throw Mismatch($"its output {output} would have the shape {Show(fact.Dims)}");
        }

        if (Node.Output(output) is { } value)
        {
            Graph.Record(value, fact, Node);
        }
    }

    /// <summary>An int attribute.</summary>
    public long Int(string name, long defaultValue) => TryGet<long>(name, AttributeKind.Int, out var value) ? value : defaultValue;

    /// <summary>A float attribute.</summary>
    public float Float(string name, float defaultValue) => TryGet<float>(name, AttributeKind.Float, out var value) ? value : defaultValue;

    /// <summary>A string attribute.</summary>
    public string Text(string name, string defaultValue) =>
        TryGet<ReadOnlyMemory<byte>>(name, AttributeKind.String, out var value) ? Encoding.UTF8.GetString(value.Span) : defaultValue;

    /// <summary>An int list attribute; null when absent.</summary>
    public long[]? Ints(string name) => TryGet<IReadOnlyList<long>>(name, AttributeKind.Ints, out var value) ? [.. value] : null;

    /// <summary>A float list attribute; null when absent.</summary>
    public float[]? Floats(string name) => TryGet<IReadOnlyList<float>>(name, AttributeKind.Floats, out var value) ? [.. value] : null;

    /// <summary>A tensor attribute; null when absent.</summary>
    public Tensor? Tensor(string name) => TryGet<Tensor>(name, AttributeKind.Tensor, out var value) ? value : null;

    /// <summary>A subgraph attribute; null when absent.</summary>
    public Graph? Subgraph(string name) => TryGet<Graph>(name, AttributeKind.Graph, out var value) ? value : null;

    /// <summary>An element type given as an int attribute.</summary>
    public DataType TypeAttribute(string name, DataType defaultValue) => (DataType)Int(name, (long)defaultValue);

    /// <summary>The attribute, or in a function what the call gives for it; null when absent.</summary>
    public Attribute? Attribute(string name) => Node.Attribute(name) is not { } attribute ? null
        : attribute.ReferenceName.Length == 0 ? attribute : Graph.CallAttributes.GetValueOrDefault(attribute.ReferenceName);

    /// <summary>An axis counted from the front.</summary>
    /// <exception cref="CompressToolException">There is no such axis.</exception>
    public int Axis(long axis, int rank) => axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis)
        : throw Mismatch($"there is no axis {axis} in a tensor of {rank} dimensions");

    /// <summary>Axes counted from the front, each once.</summary>
    public int[] Axes(IEnumerable<long> axes, int rank)
    {
        int[] result = [.. axes.Select(axis => Axis(axis, rank))];
        return result.Distinct().Count() == result.Length ? result : throw Mismatch($"an axis is named twice among {string.Join(", ", result)}");
    }

    /// <summary>Axes given as an input in newer versions of an operator and as the attribute <c>axes</c> in older ones.</summary>
    /// <param name="input">Which input.</param>
    /// <param name="known">False when there is such an input, but its elements are unknown.</param>
    public long[]? AxesOf(int input, out bool known)
    {
        if (Has(input))
        {
            var axes = Numbers(input);
            known = axes is not null;
            return axes;
        }

        known = true;
        return Ints("axes");
    }

    /// <summary>Two expressions for one dimension as one.</summary>
    /// <exception cref="CompressToolException">They cannot be equal.</exception>
    public Expression Same(Expression one, Expression other, Func<string> what) => Session.Merge(one, other) ?? throw Mismatch(what());

    /// <summary>The element type that these inputs share; Undefined when none is known.</summary>
    /// <exception cref="CompressToolException">They differ.</exception>
    public DataType SameType(params ReadOnlySpan<int> inputs)
    {
        var type = DataType.Undefined;
        foreach (var input in inputs)
        {
            if (Type(input) is var other && other != DataType.Undefined)
            {
                type = type == DataType.Undefined || type == other ? other
                    : throw Mismatch($"its inputs have different element types: {type.DisplayName()}{Show(Dims(inputs[0]))} and {other.DisplayName()}{Show(Dims(input))}");
            }
        }

        return type;
    }

    /// <summary>A dimension of an output that nothing is known of.</summary>
    public Expression Opaque(int output, int axis) => Session.Opaque(Node.Output(output)?.Name ?? Node.OpType, axis);

    /// <summary>A shape of which only the rank is known.</summary>
    public Expression[] OpaqueShape(int output, long rank) => [.. Enumerable.Range(0, checked((int)rank)).Select(axis => Opaque(output, axis))];

    /// <summary>How messages name an input.</summary>
    public string What(int input) => $"its input '{Node.Input(input)?.Name}'";

    /// <summary>A shape as messages show it.</summary>
    public static string Show(Expression[]? dims) => dims is null ? "[...]" : $"[{string.Join<Expression>(',', dims)}]";

    /// <summary>The error of a node whose shapes or types contradict each other.</summary>
    public CompressToolException Mismatch(string message) => GraphInference.Mismatch(Node, message);

    private bool TryGet<T>(string name, AttributeKind kind, [MaybeNullWhen(false)] out T value)
    {
        var attribute = Attribute(name);
        value = default;
        if (attribute?.Value is null)
        {
            return false;
        }

        value = attribute.Value is T typed ? typed
            : throw new CompressToolException(OnnxErrors.InvalidGraph, $"the attribute '{name}' of node '{Node.DisplayName}' is {attribute.Kind}, not {kind}");
        return true;
    }
}
