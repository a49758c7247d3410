using System.Diagnostics.CodeAnalysis;
using System.Text;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx;

/// <summary>An operation: an operator, its inputs and outputs, and its attributes.</summary>
public sealed class Node
{
    private readonly List<Value?> _inputs = [];
    private readonly List<Value?> _outputs = [];
    private readonly List<Attribute> _attributes = [];
    private string _name;

    /// <summary>Creates a node that is not yet in a graph.</summary>
    /// <param name="opType">The operator, e.g. <c>Conv</c>.</param>
    /// <param name="inputs">Its inputs; null where an optional one is left out.</param>
    /// <param name="outputs">Its outputs; null where an optional one is left out.</param>
    /// <param name="name">Its name; may be empty.</param>
    /// <param name="domain">The operator's domain; empty for the standard one.</param>
    /// <param name="attributes">Its attributes.</param>
    public Node(string opType, IEnumerable<Value?> inputs, IEnumerable<Value?> outputs, string name = "", string domain = "", params IEnumerable<Attribute> attributes)
    {
        OpType = opType;
        _name = name;
        Domain = domain == "ai.onnx" ? "" : domain;
        foreach (var input in inputs)
        {
            AddInput(input);
        }

        foreach (var output in outputs)
        {
            AddOutput(output);
        }

        foreach (var attribute in attributes)
        {
            _attributes.Add(Adopt(attribute));
        }
    }

    /// <summary>The operator, e.g. <c>Conv</c>.</summary>
    public string OpType { get; set; }

    /// <summary>The operator's domain; empty for the standard one (also when the file says <c>ai.onnx</c>).</summary>
    public string Domain { get; set; }

    /// <summary>Which overload of a model-local function is meant; usually empty.</summary>
    public string Overload { get; set; } = "";

    /// <summary>Its name; may be empty.</summary>
    public string Name
    {
        get => _name;
        set
        {
            _name = value;
            Graph?.Reserve(value);
        }
    }

    /// <summary>Documentation.</summary>
    public string DocString { get; set; } = "";

    /// <summary>Free key-value pairs.</summary>
    public List<KeyValuePair<string, string>> Metadata { get; } = [];

    /// <summary>The graph it is in; null while in none.</summary>
    public Graph? Graph { get; internal set; }

    /// <summary>Inputs; null where an optional one is left out.</summary>
    public IReadOnlyList<Value?> Inputs => _inputs;

    /// <summary>Outputs; null where an optional one is left out.</summary>
    public IReadOnlyList<Value?> Outputs => _outputs;

    /// <summary>Attributes, in order.</summary>
    public IReadOnlyList<Attribute> Attributes => _attributes;

    /// <summary>The graphs in its attributes.</summary>
    public IEnumerable<Graph> Subgraphs => _attributes.SelectMany(attribute => attribute.Graphs);

    /// <summary>How messages and reports call the node: its name, or else its operator and first output.</summary>
    public string DisplayName => Name.Length > 0 ? Name : $"{OpType} -> {(_outputs.FirstOrDefault(output => output is not null)?.Name ?? "(nothing)")}";

    /// <summary>Its index in <see cref="Graph"/> when that was last asked for.</summary>
    internal int Position { get; set; }

    internal ReadOnlyMemory<byte> UnknownFields { get; set; }

    /// <summary>True for an operator of the standard domain.</summary>
    public bool Is(string opType) => OpType == opType && Domain.Length == 0;

    /// <summary>An input; null when left out or beyond the last.</summary>
    public Value? Input(int index) => index < _inputs.Count ? _inputs[index] : null;

    /// <summary>An output; null when left out or beyond the last.</summary>
    public Value? Output(int index) => index < _outputs.Count ? _outputs[index] : null;

    /// <summary>Replaces an input; left-out inputs are added in between when the index is beyond the last.</summary>
    public void SetInput(int index, Value? value)
    {
        while (_inputs.Count <= index)
        {
            _inputs.Add(null);
        }

        _inputs[index]?.RemoveUse(new Use(this, index));
        _inputs[index] = value;
        value?.AddUse(new Use(this, index));
    }

    /// <summary>Appends an input.</summary>
    public void AddInput(Value? value) => SetInput(_inputs.Count, value);

    /// <summary>Removes the inputs from <paramref name="count"/> on.</summary>
    public void TruncateInputs(int count)
    {
        for (var index = _inputs.Count - 1; index >= count; index--)
        {
            SetInput(index, null);
            _inputs.RemoveAt(index);
        }
    }

    /// <summary>Appends an output.</summary>
    /// <exception cref="CompressToolException">Another node computes the value already.</exception>
    public void AddOutput(Value? value)
    {
        _outputs.Add(null);
        SetOutput(_outputs.Count - 1, value);
    }

    /// <summary>Replaces an output.</summary>
    /// <exception cref="CompressToolException">Another node computes the value already.</exception>
    public void SetOutput(int index, Value? value)
    {
        if (value is not null && value == _outputs[index])
        {
            return;
        }

        if (value?.Producer is { } other)
        {
            throw new CompressToolException(OnnxErrors.InvalidGraph, $"the value '{value.Name}' is computed twice, by '{other.DisplayName}' and by '{DisplayName}'");
        }

        if (_outputs[index] is { } old)
        {
            old.Producer = null;
        }

        _outputs[index] = value;
        if (value is not null)
        {
            value.Producer = this;
            value.ProducerIndex = index;
            Graph?.Reserve(value.Name);
        }
    }

    /// <summary>An attribute; null when absent.</summary>
    public Attribute? Attribute(string name) => _attributes.Find(attribute => attribute.Name == name);

    /// <summary>Adds an attribute or replaces the one of that name.</summary>
    public void SetAttribute(Attribute attribute)
    {
        var index = _attributes.FindIndex(other => other.Name == attribute.Name);
        if (index < 0)
        {
            _attributes.Add(Adopt(attribute));
            return;
        }

        Release(_attributes[index].Graphs.Except(attribute.Graphs));
        _attributes[index] = Adopt(attribute);
    }

    /// <summary>Removes an attribute when present; a subgraph in it lets go of what it uses.</summary>
    public void RemoveAttribute(string name)
    {
        if (Attribute(name) is { } attribute)
        {
            Release(attribute.Graphs);
            _attributes.Remove(attribute);
        }
    }

    /// <summary>Makes another standard operator of the node, which keeps its name and its outputs.</summary>
    /// <param name="opType">The operator.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="attributes">Its attributes.</param>
    public void Become(string opType, ReadOnlySpan<Value> inputs, params ReadOnlySpan<Attribute> attributes)
    {
        TruncateInputs(0);
        while (_attributes is [.., var last])
        {
            RemoveAttribute(last.Name);
        }

        (OpType, Domain, Overload) = (opType, "", "");
        foreach (var input in inputs)
        {
            AddInput(input);
        }

        foreach (var attribute in attributes)
        {
            SetAttribute(attribute);
        }
    }

    /// <summary>An int attribute, or the default when absent.</summary>
    public long GetInt(string name, long defaultValue) => TryGet<long>(name, AttributeKind.Int, out var value) ? value : defaultValue;

    /// <summary>A float attribute, or the default when absent.</summary>
    public float GetFloat(string name, float defaultValue) => TryGet<float>(name, AttributeKind.Float, out var value) ? value : defaultValue;

    /// <summary>A string attribute, or the default when absent.</summary>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public string? GetString(string name, string? defaultValue) =>
        TryGet<ReadOnlyMemory<byte>>(name, AttributeKind.String, out var value) ? Encoding.UTF8.GetString(value.Span) : defaultValue;

    /// <summary>An int list attribute; null when absent.</summary>
    public IReadOnlyList<long>? GetInts(string name) => TryGet<IReadOnlyList<long>>(name, AttributeKind.Ints, out var value) ? value : null;

    /// <summary>A float list attribute; null when absent.</summary>
    public IReadOnlyList<float>? GetFloats(string name) => TryGet<IReadOnlyList<float>>(name, AttributeKind.Floats, out var value) ? value : null;

    /// <summary>A tensor attribute; null when absent.</summary>
    public Tensor? GetTensor(string name) => TryGet<Tensor>(name, AttributeKind.Tensor, out var value) ? value : null;

    /// <inheritdoc/>
    public override string ToString() => $"{DisplayName} ({OpType})";

    /// <summary>The tensor of a Constant node, whichever attribute holds it; null for sparse and string forms.</summary>
    internal Tensor? ConstantAttribute() => _attributes.Count == 0 ? null : _attributes[0] switch
    {
        { Name: "value", Value: Tensor tensor } => tensor,
        { Name: "value_int", Value: long number } => Tensor.Int64(number),
        { Name: "value_float", Value: float number } => Tensor.Float(number),
        { Name: "value_ints", Value: IReadOnlyList<long> numbers } => Tensor.Int64s([.. numbers]),
        { Name: "value_floats", Value: IReadOnlyList<float> numbers } => Tensor.Floats([numbers.Count], [.. numbers]),
        _ => null,
    };

    /// <summary>Lets go of inputs, outputs and what subgraphs use; the node can be dropped then.</summary>
    internal void Disconnect()
    {
        TruncateInputs(0);
        for (var index = 0; index < _outputs.Count; index++)
        {
            SetOutput(index, null);
        }

        Release(Subgraphs);
    }

    private static void Release(IEnumerable<Graph> graphs)
    {
        foreach (var graph in graphs)
        {
            graph.Disconnect();
        }
    }

    private Attribute Adopt(Attribute attribute)
    {
        foreach (var graph in attribute.Graphs)
        {
            graph.Owner = this;
        }

        return attribute;
    }

    private bool TryGet<T>(string name, AttributeKind kind, [MaybeNullWhen(false)] out T value)
    {
        var attribute = Attribute(name);
        value = default;
        if (attribute?.Value is null)
        {
            return false;
        }

        if (attribute.Value is not T typed)
        {
            throw new CompressToolException(OnnxErrors.InvalidGraph, $"the attribute '{name}' of node '{DisplayName}' is {attribute.Kind}, not {kind}");
        }

        value = typed;
        return true;
    }
}
