using CompressTool.Onnx;
using CompressTool.Testing.Models;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>A graph from an input [2, 4, 4, 4], of which a convolution "a" makes 12 channels, to a convolution "z" that reads what is made of them.</summary>
internal sealed class ChannelGraph(Model model)
{
    private int _count;

    public void Build(Func<ChannelGraph, Value, Value> graph)
    {
        model.OpsetImports[""] = 17;
        var input = new Value("x", new TensorType(DataType.Float, Shape.Of([2, 4, 4, 4])));
        model.Graph.AddInput(input);
        var value = graph(this, Op("Conv", input, Float("a.weight", 12, 4, 1, 1), Float("a.bias", 12)));
        model.Graph.Outputs.Add(value);
        var channels = Onnx.Inference.ShapeInference.Analyze(model).TypeOf(value)!.Shape![1].Value!.Value;
        model.Graph.Outputs.Remove(value);
        var output = Op("Conv", value, Float("z.weight", 5, channels, 1, 1));
        output.Name = "y";
        output.Type = new TensorType(DataType.Float, null);
        model.Graph.Outputs.Add(output);
    }

    public Value Op(string op, params Value?[] inputs) => Op(op, inputs, []);

    public Value Op(string op, Value?[] inputs, params Attribute[] attributes)
    {
        var output = new Value($"{op}_{_count++}_output");
        model.Graph.Add(new Node(op, inputs, [output], $"{op}_{_count}", "", attributes));
        return output;
    }

    public Value Float(string name, params long[] dims) => model.Graph.AddInitializer(name, RandomTensors.Normal(name, 0, 1, dims));

    public Value Ones(string name, long count) => model.Graph.AddInitializer(name, Tensor.Floats([count], [.. Enumerable.Repeat(1f, (int)count)]));

    public Value Numbers(params long[] numbers) => model.Graph.AddInitializer($"numbers{_count++}", Tensor.Int64s(numbers));

    public Value Reshape(Value x, params long[] dims) => Op("Reshape", x, Numbers(dims));

    public Value Transpose(Value x, params long[] order) => Op("Transpose", [x], Attribute.Ints("perm", order));

    public Value Slice(Value x, long axis, long start, long end, long step = 1) => Op("Slice", x, Numbers(start), Numbers(end), Numbers(axis), Numbers(step));

    /// <summary>The parts behind each other again, the second first.</summary>
    public Value Split(Value x, params long[] sizes)
    {
        Value[] parts = [.. sizes.Select(_ => new Value($"part_{_count++}"))];
        model.Graph.Add(new Node("Split", [x, Numbers(sizes)], parts, $"Split_{_count}", "", [Attribute.Int("axis", 1)]));
        return Op("Concat", [.. parts.Reverse()], Attribute.Int("axis", 1));
    }
}
