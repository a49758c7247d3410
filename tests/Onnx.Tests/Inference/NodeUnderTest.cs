using System.Globalization;
using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Tests.Inference;

/// <summary>A model of one node, made step by step; its outputs' types as text.</summary>
internal sealed class NodeUnderTest(string opType, int opset = 21, string domain = "")
{
    private readonly Graph _graph = new();
    private readonly List<Value?> _inputs = [];
    private readonly List<Attribute> _attributes = [];
    private readonly List<string> _names = [];

    /// <summary>An input of a type such as <c>float32[batch,3,?]</c>; <c>float32</c> alone has no rank.</summary>
    public NodeUnderTest In(string type)
    {
        var value = new Value($"in{_inputs.Count}", ParseType(type));
        _graph.AddInput(value);
        _inputs.Add(value);
        return this;
    }

    /// <summary>A constant input.</summary>
    public NodeUnderTest In(Tensor constant)
    {
        _inputs.Add(_graph.AddInitializer($"const{_inputs.Count}", constant));
        return this;
    }

    /// <summary>Constant int64 numbers.</summary>
    public NodeUnderTest In(params long[] numbers) => In(Tensor.Int64s(numbers));

    /// <summary>A one-dimensional input whose elements are these dimensions, e.g. <c>batch</c>, <c>2</c>: the shape of another input.</summary>
    public NodeUnderTest InShape(params string[] dims)
    {
        var shaped = new Value($"shaped{_inputs.Count}", ParseType($"float32[{string.Join(',', dims)}]"));
        _graph.AddInput(shaped);
        _inputs.Add(_graph.AddNode(null, "Shape", "shape", [shaped]));
        return this;
    }

    /// <summary>An optional input that is left out.</summary>
    public NodeUnderTest Skip()
    {
        _inputs.Add(null);
        return this;
    }

    public NodeUnderTest With(string name, long value) => With(Attribute.Int(name, value));

    public NodeUnderTest With(string name, params long[] values) => With(Attribute.Ints(name, values));

    public NodeUnderTest With(string name, float value) => With(Attribute.Float(name, value));

    public NodeUnderTest With(string name, string value) => With(Attribute.String(name, value));

    public NodeUnderTest With(Attribute attribute)
    {
        _attributes.Add(attribute);
        return this;
    }

    /// <summary>Infers and gives the type of every output, separated by blanks.</summary>
    public string Types(int outputs = 1) => string.Join(' ', Run(outputs).Select(value => value.Type?.ToString() ?? "unknown"));

    /// <summary>Infers and gives the elements of the output as text; null when it is not constant.</summary>
    public string? Content(int output = 0, int outputs = 1)
    {
        var node = Build(outputs);
        using var model = Model();
        var tensor = ShapeInference.Analyze(model).ConstantOf(node.Outputs[output]!);
        return tensor is null ? null : Text(tensor);
    }

    /// <summary>Elements as text.</summary>
    public static string Text(Tensor tensor) => tensor + "{" + string.Join(' ', tensor.Type.IsFloat()
        ? tensor.ToFloats().Select(x => x.ToString(CultureInfo.InvariantCulture)) : tensor.ToInt64s().Select(x => x.ToString(CultureInfo.InvariantCulture))) + "}";

    public static TensorType ParseType(string text)
    {
        var bracket = text.IndexOf('[', StringComparison.Ordinal);
        var name = bracket < 0 ? text : text[..bracket];
        var element = Enum.GetValues<DataType>().First(type => type.DisplayName() == name);
        return new TensorType(element, bracket < 0 ? null : ParseShape(text[bracket..]));
    }

    public static Shape ParseShape(string text)
    {
        var dims = text.Trim('[', ']').Split(',', StringSplitOptions.RemoveEmptyEntries);
        return new Shape([.. dims.Select(dim => dim == "?" ? Dim.Unknown : long.TryParse(dim, out var number) ? new Dim(number) : new Dim(dim))]);
    }

    private Value[] Run(int outputs)
    {
        var node = Build(outputs);
        using var model = Model();
        ShapeInference.Run(model);
        return [.. node.Outputs.OfType<Value>()];
    }

    private Node Build(int outputs)
    {
        _names.AddRange(Enumerable.Range(0, outputs).Select(index => $"out{index}"));
        var node = new Node(opType, _inputs, _names.Select(name => new Value(name)), "node", domain, _attributes);
        _graph.Add(node);
        _graph.Outputs.AddRange(node.Outputs.OfType<Value>());
        return node;
    }

    private Model Model()
    {
        var model = new Model { Graph = _graph };
        model.OpsetImports[""] = opset;
        model.OpsetImports["com.microsoft"] = 1;
        return model;
    }
}
