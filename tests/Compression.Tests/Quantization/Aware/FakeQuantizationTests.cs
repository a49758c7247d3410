using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Aware;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.Static;
using CompressTool.Compression.Stages;
using CompressTool.Compression.Tests.Quantization.Static;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Onnx.Passes;
using CompressTool.Runtime;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;

namespace CompressTool.Compression.Tests.Quantization.Aware;

/// <summary>What the training sees: the numbers of the quantized model, and gradients that pass the rounding.</summary>
[TestClass]
public sealed class FakeQuantizationTests
{
    public required TestContext TestContext { get; init; }

    /// <summary>A product y = q(x) · q(W) with the loss sum(y · g), computed by hand: scale 0.5 for x, max|w| / 127 for each column of W.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Gradients_pass_the_rounding_and_stop_where_numbers_are_clipped(bool reduced)
    {
        using var model = Product(reduced);
        var graph = TrainingGraph.Create(model, null, ["w"]);
        var builder = graph.Builder;
        var output = builder.Of(model.Graph.Outputs[0]);
        var loss = (output * builder.Constant(Tensor.Floats([2, 2], 1, 10, 100, 1000))).Sum();
        model.Graph.Outputs.Clear();
        builder.AddOutput("product", output);
        builder.AddOutput("loss", loss);
        using var function = new OnnxRuntimeTrainingEngine().CompileGradient(model, "loss", ["w", "x"]);

        // 200 is beyond the largest of 128 levels below 127.5 - 64 = 63.5 and -100 below -64 / 2 = -32.
        var feeds = new Dictionary<string, Tensor> { ["x"] = Tensor.Floats([2, 3], 0.6f, 200, -1.2f, -100, 0.2f, 63.5f), ["w"] = Tensor.Floats([3, 2], 1.27f, -2, 0.013f, 0.3f, -0.5f, 64) };
        var result = function.Run(feeds.ToDictionary(feed => feed.Key, feed => NdArray.From(feed.Value)));

        float[] x = [0.5f, 63.5f, -1, -64, 0, 63.5f];
        var largest = reduced ? 64 : 127;
        var (first, second) = (1.27f / largest, 64f / largest);
        float[] w = [Q(1.27f, first), Q(-2, second), Q(0.013f, first), Q(0.3f, second), Q(-0.5f, first), Q(64, second)];
        AssertClose([(x[0] * w[0]) + (x[1] * w[2]) + (x[2] * w[4]), (x[0] * w[1]) + (x[1] * w[3]) + (x[2] * w[5]), (x[3] * w[0]) + (x[4] * w[2]) + (x[5] * w[4]), (x[3] * w[1]) + (x[4] * w[3]) + (x[5] * w[5])], result["product"]);

        // By W: of q(x), nothing of the scale, although the largest weights make it.
        AssertClose([x[0] + (100 * x[3]), (10 * x[0]) + (1000 * x[3]), x[1] + (100 * x[4]), (10 * x[1]) + (1000 * x[4]), x[2] + (100 * x[5]), (10 * x[2]) + (1000 * x[5])], result["gradient of w"]);

        // By x: of q(W), and zero for 200 and -100.
        AssertClose([w[0] + (10 * w[1]), 0, w[4] + (10 * w[5]), 0, (100 * w[2]) + (1000 * w[3]), (100 * w[4]) + (1000 * w[5])], result["gradient of x"]);

        static float Q(float number, float scale) => MathF.Round(number / scale) * scale;
    }

    /// <summary>Weights on the grid stay where they are: what is quantized twice is quantized once.</summary>
    [TestMethod]
    public void Quantized_weights_are_quantized_to_themselves()
    {
        using var model = Product(reduced: false);
        var x = Tensor.Floats([2, 3], 1, 0, 0, 0, 1, 0);
        var once = Outputs(model, x, Tensor.Floats([3, 2], 1.27f, -2, 0.013f, 0.3f, -0.5f, 64));
        var third = Outputs(model, Tensor.Floats([2, 3], 0, 0, 1, 0, 0, 0), Tensor.Floats([3, 2], 1.27f, -2, 0.013f, 0.3f, -0.5f, 64));

        var twice = Outputs(model, x, Tensor.Floats([3, 2], [.. once, .. third[..2]]));

        CollectionAssert.AreEqual(once, twice);
    }

    [TestMethod]
    [DataRow("resnet/batchnorm-static", QuantizationScheme.Int8, true)]
    [DataRow("mobilenet-v3/static", QuantizationScheme.Int8, false)]
    [DataRow("unet2d-cifarstyle/model_op14.onnx/io", QuantizationScheme.Int8, true)]
    [DataRow("unet2d-cifarstyle/model_op14.onnx/io", QuantizationScheme.Int16, true)]
    [DataRow("bert/static", QuantizationScheme.Int8, true)]
    [DataRow("vit/dynamic", QuantizationScheme.Int8, true)]
    [DataRow("resnet/batchnorm-static", QuantizationScheme.Int8, true, QuantizationBackend.TensorRt)]
    [DataRow("vit/dynamic", QuantizationScheme.Int8, true, QuantizationBackend.TensorRt)]
    public void The_training_computes_what_the_quantized_model_does(string name, QuantizationScheme scheme, bool perChannel, QuantizationBackend backend = QuantizationBackend.X64)
    {
        var (load, inputs) = StaticModelsTests.Open(name);
        using var model = load();
        var (isDiffusion, layout) = (name.StartsWith("unet", StringComparison.Ordinal), scheme == QuantizationScheme.Int16 ? IntegerLayout.Int16 : IntegerLayout.Of(backend));
        var options = new QuantizeOptions { Scheme = scheme, PerChannel = perChannel, ReduceRange = false, BiasCorrection = false, Calibration = new CalibrationOptions { Random = 4, Batch = 1, Method = CalibrationMethod.MinMax }, KeepEnds = false };
        new StaticQuantizer(model, options, layout, new StageContext { Seed = 1 }).Run();

        using var copy = load();
        OpsetVersions.ImportMicrosoft(copy);
        BatchNormalizationFolding.Run(copy);
        ShapeInference.Run(copy);
        var layers = Layers.Find(copy.Graph).Where(layer => layer.Kind != LayerKind.ConvTranspose && StaticLayer.Unfit(layer, copy.Graph) is null).ToList();
        layers.ForEach(StaticLayer.SplitBias);
        RoundBiases(copy.Graph, model.Graph);
        new FakeQuantization(copy, layout, scheme == QuantizationScheme.Int16 ? OpsetVersions.Microsoft : "", IntegerRange.Signed(reduced: false), perChannel).Insert(layers, !isDiffusion && layout.HasIntegersBetween, Parameters(model.Graph, layout.Activations));
        var trained = ModelRunner.Run(copy.ToBytes(), inputs, GraphOptimizationLevel.DisableAll);
        foreach (var (output, tensor) in ModelRunner.Run(model.ToBytes(), inputs, GraphOptimizationLevel.DisableAll).Where(output => output.Value.Type == DataType.Float))
        {
            var distance = ModelRunner.SnrDb(tensor, trained[output]);
            TestContext.WriteLine($"{name} {output}: {distance:F1} dB");
            Assert.IsGreaterThan(100, distance);
        }
    }

    /// <summary>Gives biases the last bits that 32-bit integers leave them: rounding of activations that falls the other way for those is amplified.</summary>
    private static void RoundBiases(Graph graph, Graph quantized)
    {
        foreach (var bias in graph.Initializers)
        {
            if (quantized.FindValue(bias.Name + "_quantized_bias")?.Initializer is { } codes)
            {
                var scales = quantized.FindValue(bias.Name + "_quantized_scale_bias")!.Initializer!.ToFloats();
                Graph.ReplaceInitializer(bias, Tensor.Floats(bias.Initializer!.Dims, [.. codes.ToArray<int>().Select((code, channel) => code * scales[scales.Length == 1 ? 0 : channel])]));
            }
        }
    }

    /// <summary>The scales and zero points of activations that a quantized model has.</summary>
    private static Dictionary<string, AffineParameters> Parameters(Graph graph, ActivationType type)
    {
        const string End = "_zero_point";
        return graph.Initializers.Where(value => value.Name.EndsWith(End, StringComparison.Ordinal) && value.Initializer!.Type == type.Type && graph.FindValue(value.Name[..^End.Length] + "_scale") is not null).ToDictionary(
            value => value.Name[..^End.Length],
            value => new AffineParameters(graph.FindValue(value.Name[..^End.Length] + "_scale")!.Initializer!.ToFloats()[0], ZeroPoint(value.Initializer!)));

        int ZeroPoint(Tensor tensor) => type.Type switch
        {
            DataType.UInt8 => tensor.ToArray<byte>()[0],
            DataType.Int8 => tensor.ToArray<sbyte>()[0],
            _ => tensor.ToArray<ushort>()[0],
        };
    }

    private static float[] Outputs(Model model, Tensor x, Tensor w)
    {
        using var copy = Model.Parse(model.ToBytes());
        Graph.ReplaceInitializer(copy.Graph.FindValue("w")!, w);
        return ModelRunner.Run(copy.ToBytes(), new Dictionary<string, Tensor> { ["x"] = x }, GraphOptimizationLevel.DisableAll)["y"].ToFloats();
    }

    /// <summary>y = x · W with an input of 128 levels on each side of zero in steps of 0.5.</summary>
    private static Model Product(bool reduced)
    {
        var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 17;
        var graph = model.Graph;
        graph.AddInput(new Value("x", new TensorType(DataType.Float, Shape.Of([2, 3]))));
        var output = graph.AddNode(null, "MatMul", "y", [graph.Inputs[0], graph.AddInitializer("w", Tensor.Floats([3, 2], 1, 2, 3, 4, 5, 6))]);
        output.Type = new TensorType(DataType.Float, null);
        graph.Outputs.Add(output);
        new FakeQuantization(model, IntegerLayout.X64, "", IntegerRange.Signed(reduced), perChannel: true)
            .Insert([.. Layers.Find(graph)], everywhere: false, new Dictionary<string, AffineParameters> { ["x"] = new(0.5f, 128) });
        return model;
    }

    private static void AssertClose(float[] expected, NdArray actual)
    {
        var numbers = actual.AsSpan<float>().ToArray();
        Assert.HasCount(expected.Length, numbers);
        foreach (var (x, y) in expected.Zip(numbers))
        {
            Assert.AreEqual(x, y, 1e-5f * (1 + Math.Abs(x)));
        }
    }
}
