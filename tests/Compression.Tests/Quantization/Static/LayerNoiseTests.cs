using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Runtime;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization.Static;

[TestClass]
public sealed class LayerNoiseTests
{
    /// <summary>Of a model of one layer the noise of the layer is that of the model.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void The_noise_of_a_layer_is_what_its_quantized_form_differs_by(bool isConvolution)
    {
        using var model = Build(isConvolution);
        var before = model.ToBytes();
        var inputs = CalibrationInputs(model);
        var result = new QuantizeStage().Run(model, (object)new QuantizeOptions { Scheme = QuantizationScheme.Int8, Calibration = new CalibrationOptions { Random = 4, Batch = 1 } }, new StageContext { Seed = 5 });
        var after = result.Model.ToBytes();

        var (signal, noise) = (0.0, 0.0);
        foreach (var input in inputs)
        {
            var exact = ModelRunner.Run(before, input, GraphOptimizationLevel.DisableAll).Values.Single().ToFloats();
            var quantized = ModelRunner.Run(after, input, GraphOptimizationLevel.DisableAll).Values.Single().ToFloats();
            signal += exact.Sum(number => (double)number * number);
            noise += exact.Zip(quantized).Sum(pair => Math.Pow((double)pair.First - pair.Second, 2));
        }

        Assert.AreEqual(10 * Math.Log10(signal / noise), (double)result.Metrics["layers"]![0]!["outputSnrDb"]!, 0.02);
    }

    [TestMethod]
    public void A_layer_whose_input_has_an_outlier_is_the_worst_and_named_by_the_advice()
    {
        using var model = OutlierModel();
        var metrics = new QuantizeStage().Run(model, (object)new QuantizeOptions { Scheme = QuantizationScheme.Int8, PerChannel = true, Calibration = new CalibrationOptions { Random = 4 } }, new StageContext()).Metrics;

        var worst = metrics["layers"]!.AsArray().MinBy(layer => (double)layer!["outputSnrDb"]!)!;
        Assert.AreEqual("layer2.0.conv2", (string?)worst["name"]);
        StringAssert.StartsWith(QuantizationAdvice.For(metrics), "quantization adds most noise to layer2.0.conv2 (");
    }

    [TestMethod]
    public void Advice_goes_by_the_weights_where_results_are_not_known()
    {
        JsonObject Layer(string name, double? noise) => new() { ["name"] = name, ["snrDb"] = noise };
        var metrics = new JsonObject { ["layers"] = new JsonArray(Layer("a", 30), Layer("b", 10), Layer("c", null), Layer("d", 20), Layer("e", 40)) };
        StringAssert.StartsWith(QuantizationAdvice.For(metrics), "quantization adds most noise to b (10.0 dB), d (20.0 dB), a (30.0 dB): ");
        Assert.IsNull(QuantizationAdvice.For([]));
    }

    /// <summary>A ResNet in which the input of one layer, layer2.0.conv2, has a channel that takes all integers.</summary>
    internal static Model OutlierModel()
    {
        var model = ClassicModels.Get("resnet/batchnorm-static").Build();
        var (conv, _) = Layers.Find(model.Graph).Single(layer => layer.Name == "layer2.0.conv2").Uses[0];

        // One channel a thousand times as large as the others takes all integers.
        var factors = Enumerable.Repeat(1f, 16).ToArray();
        factors[3] = 1000;
        var scaled = model.Graph.AddNode(conv, "Mul", "outlier", [conv.Inputs[0], model.Graph.AddInitializer("factors", Tensor.Floats([1, 16, 1, 1], factors))], new TensorType(DataType.Float, null));
        conv.SetInput(0, scaled);
        var numbers = conv.Inputs[1]!.Initializer!.ToFloats();
        for (var index = 0; index < numbers.Length; index++)
        {
            numbers[index] /= index / 9 % 16 == 3 ? 1000 : 1;
        }

        conv.Inputs[1]!.Initializer = Tensor.Floats(conv.Inputs[1]!.Initializer!.Dims, numbers);
        return model;
    }

    private static List<Dictionary<string, Tensor>> CalibrationInputs(Model model)
    {
        using var inputs = CalibrationSource.Open(model, new CalibrationOptions { Random = 4, Batch = 1 }, new StageContext { Seed = 5 });
        return [.. inputs.ReadAll(default).Select(feeds => feeds.Arrays.ToDictionary(array => array.Key, array => array.Value.ToTensor()))];
    }

    private static Model Build(bool isConvolution)
    {
        var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 17;
        var graph = model.Graph;
        graph.AddInput(new Value("x", new TensorType(DataType.Float, Shape.Of(isConvolution ? [1, 4, 8, 8] : [1, 6, 16]))));
        var random = new Random(1);
        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5))];
        var output = isConvolution
            ? graph.AddNode(null, "Conv", "y", [graph.Inputs[0], graph.AddInitializer("w", Tensor.Floats([5, 4, 3, 3], Numbers(180))), graph.AddInitializer("b", Tensor.Floats([5], Numbers(5)))])
            : graph.AddNode(null, "MatMul", "y", [graph.Inputs[0], graph.AddInitializer("w", Tensor.Floats([16, 12], Numbers(192)))]);
        output.Type = new TensorType(DataType.Float, null);
        graph.Outputs.Add(output);
        return model;
    }
}
