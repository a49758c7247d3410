using CompressTool.Compression.Tests.Quantization;
using CompressTool.Onnx;
using CompressTool.Testing.Models;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Models;

/// <summary>Models of one layer, and nodes behind it.</summary>
internal static class LayerModels
{
    /// <summary>Channels of the layer's result.</summary>
    public const long Channels = 6;

    /// <summary>A model of one layer: input x of 6 channels (or of 6 numbers), weight w, bias b.</summary>
    public static Model Layer(string op, int variant, bool hasBias, DataType type, int seed, long width = 6)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var isGemm = op == "Gemm";
        var x = new Value("x", new TensorType(type, isGemm ? new Shape(4, width) : new Shape(2, 6, 7, 6)));
        model.Graph.AddInput(x);
        long[] dims = op switch
        {
            "Conv" => [Channels, 6 / variant, 3, 2],
            "ConvTranspose" => [6, Channels / variant, 3, 2],
            _ => variant == 1 ? [Channels, width] : [width, Channels],
        };
        var inputs = new List<Value?> { x, Constant(model.Graph, "w", type, seed, dims) };
        if (hasBias)
        {
            inputs.Add(Constant(model.Graph, "b", type, seed + 1, [Channels]));
        }

        var attribute = isGemm ? Attribute.Int("transB", variant) : Attribute.Int("group", variant);
        model.Graph.Outputs.Add(model.Graph.AddNode(null, op, "layer", inputs, new TensorType(type, null), "", attribute));
        return model;
    }

    /// <summary>Dimensions of a number per channel, for an operator that broadcasts.</summary>
    public static long[] PerChannel(string op) => op == "Gemm" ? [Channels] : [Channels, 1, 1];

    /// <summary>Adds a node that takes the model's output and becomes it.</summary>
    public static void Append(Model model, string op, Value[] operands, params Attribute[] attributes)
    {
        var output = model.Graph.Outputs[0];
        model.Graph.Outputs[0] = model.Graph.AddNode(null, op, op.ToLowerInvariant(), [output, .. operands], output.Type, "", attributes);
    }

    /// <summary>Scale, shift, mean and variance.</summary>
    public static Value[] Parameters(Graph graph, DataType type, int seed, long channels = Channels) =>
    [
        Constant(graph, "scale", type, seed + 10, [channels]),
        Constant(graph, "shift", type, seed + 11, [channels]),
        Constant(graph, "mean", type, seed + 12, [channels]),
        graph.AddInitializer("variance", Cast(Tensor.Floats([channels], [.. RandomTensors.Normal($"v {seed}", 0, 1, channels).ToFloats().Select(x => (x * x) + 0.1f)]), type)),
    ];

    /// <summary>A random constant.</summary>
    public static Value Constant(Graph graph, string name, DataType type, int seed, long[] dims) => graph.AddInitializer(name, Cast(RandomTensors.Normal($"{name} {seed}", 0, 1, dims), type));

    /// <summary>A float32 tensor in another type.</summary>
    public static Tensor Cast(Tensor tensor, DataType type) => ModelRunner.Convert(tensor, type);

    /// <summary>A random input of the model.</summary>
    public static Dictionary<string, Tensor> Input(Model model, string name, int seed)
    {
        var input = model.Graph.Inputs.Single(input => input.Name == name);
        return new() { [name] = Cast(RandomTensors.Normal($"x {seed}", 0, 1, [.. input.Shape!.Select(dim => dim.Value!.Value)]), input.ElementType) };
    }
}
