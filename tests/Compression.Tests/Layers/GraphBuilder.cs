using CompressTool.Onnx;

namespace CompressTool.Compression.Tests;

/// <summary>Builds small graphs of layers for tests; every layer reads the graph's one input.</summary>
internal sealed class GraphBuilder
{
    private static readonly DataType s_float = DataType.Float;

    public GraphBuilder()
    {
        Model.OpsetImports[""] = 17;
        Input = new Value("x", new TensorType(s_float, null));
        Graph.AddInput(Input);
    }

    public Model Model { get; } = new();

    public Graph Graph => Model.Graph;

    public Value Input { get; }

    public Value Weight(string name, params long[] dims) => Weight(name, Tensor.Floats(dims, new float[dims.Aggregate(1L, (a, b) => a * b)]));

    public Value Weight(string name, Tensor tensor) =>
        Graph.AddInitializer(new Value(name, new TensorType(tensor.Type, Shape.Of(tensor.Dims))) { Initializer = tensor });

    public Value Add(string op, string name, IEnumerable<Value?> inputs, params Onnx.Attribute[] attributes)
    {
        var output = new Value($"{op}_{Graph.Nodes.Count}_output");
        Graph.Add(new Node(op, inputs, [output], name, "", attributes));
        return output;
    }

    public Value MatMul(string node, Value weight)
    {
        var output = Add("MatMul", node, [Input, weight]);
        Graph.Outputs.Add(output);
        return output;
    }

    public Value Conv(string node, Value weight, int groups = 1, string op = "Conv")
    {
        var output = Add(op, node, [Input, weight], Onnx.Attribute.Int("group", groups));
        Graph.Outputs.Add(output);
        return output;
    }
}
