using CompressTool.Compression.Quantization;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>Each layer by itself: in integers it computes what its DequantizeLinear, operator and QuantizeLinear say in floats, within one step.</summary>
[TestClass]
public sealed class StaticLayerTests
{
    public required TestContext TestContext { get; init; }

    [TestMethod]
    [DataRow("resnet/batchnorm-static")]
    [DataRow("mobilenet-v3/static")]
    [DataRow("unet2d-cifarstyle/model_op14.onnx/io")]
    [DataRow("bert/static")]
    [DataRow("vit/dynamic")]
    public void Integers_are_within_one_step_of_floats(string name)
    {
        var (load, inputs) = StaticModelsTests.Open(name);
        var (_, bytes) = StaticModelsTests.Quantize(load, QuantizationScheme.Int8);
        var layers = Layers(bytes);
        var values = Values(bytes, layers.Select(layer => layer.Input), inputs);
        var (checkedLayers, worst) = (0, 0.0);
        foreach (var (input, output, step) in layers)
        {
            var part = Part(bytes, input, output, values[input]);
            var feeds = new Dictionary<string, Tensor> { ["part_input"] = values[input] };
            var integers = ModelRunner.Run(part, feeds)[output].ToFloats();
            var floats = ModelRunner.Run(part, feeds, GraphOptimizationLevel.DisableAll)[output].ToFloats();
            var difference = integers.Zip(floats).Max(pair => Math.Abs(pair.First - pair.Second));
            var allowed = step > 0 ? 1.001 * step : 1e-5 * floats.Max(Math.Abs);
            Assert.IsLessThanOrEqualTo(allowed, difference, $"{output}");
            worst = Math.Max(worst, step > 0 ? difference / step : 0);
            checkedLayers++;
        }

        TestContext.WriteLine($"{name}: {checkedLayers} layers, at most {worst:F2} steps");
        Assert.IsGreaterThan(8, checkedLayers);
    }

    /// <summary>What goes into QuantizeLinear in front of each layer, what comes out behind it, and the step of that; 0 for a float result.</summary>
    private static List<(string Input, string Output, double Step)> Layers(byte[] bytes)
    {
        using var model = Model.Parse(bytes);
        var result = new List<(string, string, double)>();
        foreach (var node in model.Graph.Nodes.Where(node => node.OpType is "Conv" or "MatMul" or "Gemm" && node.Input(0)?.Producer is { OpType: "DequantizeLinear" } && node.Input(1)?.Producer is { OpType: "DequantizeLinear" }))
        {
            var end = node.Outputs[0]!;
            while (end.Uses is [{ Node: { OpType: "Relu" or "Clip" or "QuantizeLinear" or "DequantizeLinear" or "Add" } next }] && (next.OpType != "Add" || next.Inputs.Any(input => input!.Producer is { OpType: "DequantizeLinear" } bias && bias.Inputs[0]!.Initializer is not null)))
            {
                end = next.Outputs[0]!;
                if (next.OpType == "DequantizeLinear")
                {
                    break;
                }
            }

            var step = end.Producer is { OpType: "DequantizeLinear" } last ? last.Inputs[1]!.Initializer!.ToFloats()[0] : 0.0;
            result.Add((node.Inputs[0]!.Producer!.Inputs[0]!.Producer!.Inputs[0]!.Name, end.Name, step));
        }

        return result;
    }

    private static Dictionary<string, Tensor> Values(byte[] bytes, IEnumerable<string> names, Dictionary<string, Tensor> inputs)
    {
        using var model = Model.Parse(bytes);
        var wanted = names.Distinct().ToArray();
        foreach (var value in wanted.Select(name => model.Graph.FindValue(name)!).Where(value => !value.IsGraphInput && !value.IsGraphOutput))
        {
            model.Graph.Outputs.Add(value);
        }

        var outputs = ModelRunner.Run(model.ToBytes(), inputs, GraphOptimizationLevel.DisableAll);
        return wanted.ToDictionary(name => name, name => outputs.TryGetValue(name, out var tensor) ? tensor : inputs[name]);
    }

    /// <summary>The graph between two values.</summary>
    private static byte[] Part(byte[] bytes, string input, string output, Tensor example)
    {
        using var model = Model.Parse(bytes);
        var graph = model.Graph;
        var (start, end) = (graph.FindValue(input)!, graph.FindValue(output)!);
        foreach (var other in graph.Outputs.Distinct().ToArray())
        {
            graph.Outputs.Remove(other);
        }

        var entry = new Value("part_input", new TensorType(DataType.Float, Shape.Of(example.Dims)));
        graph.AddInput(entry);
        start.ReplaceAllUses(entry);
        graph.Outputs.Add(end);
        graph.RemoveUnused();
        foreach (var unused in graph.Inputs.Where(value => value != entry).ToArray())
        {
            graph.RemoveInput(unused);
        }

        end.Type = new TensorType(DataType.Float, null);
        ShapeInference.Run(model);
        return model.ToBytes();
    }
}
