using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.Static;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Testing.Models;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>rounding: adaround and gptq: weights go up or down so that outputs change least.</summary>
[TestClass]
public sealed class LearnedRoundingTests
{
    public required TestContext TestContext { get; init; }

    private static readonly QuantizeOptions s_options = new() { Scheme = QuantizationScheme.Int16, BiasCorrection = false };

    public static IEnumerable<object[]> SingleLayers =>
    [
        ["Conv", new Shape(1, 12, 16, 16), (Graph graph, Value x) => graph.AddNode(null, "Conv", "y", [x, graph.Random("w", 0.2, 16, 12, 3, 3)], attributes: [Attribute.Ints("pads", 1, 0, 1, 2), Attribute.Ints("strides", 1, 2)])],
        ["groups", new Shape(1, 12, 16, 16), (Graph graph, Value x) => graph.AddNode(null, "Conv", "y", [x, graph.Random("w", 0.2, 12, 4, 3, 3)], attributes: [Attribute.Int("group", 3), Attribute.Ints("dilations", 2, 1)])],
        ["one dimension", new Shape(1, 12, 64), (Graph graph, Value x) => graph.AddNode(null, "Conv", "y", [x, graph.Random("w", 0.2, 16, 12, 5)], attributes: [Attribute.Ints("pads", 2, 2)])],
        ["MatMul", new Shape(1, 16, 48), (Graph graph, Value x) => graph.AddNode(null, "MatMul", "y", [x, graph.Random("w", 0.2, 48, 20)])],
        ["Gemm", new Shape(16, 48), (Graph graph, Value x) => graph.AddNode(null, "Gemm", "y", [x, graph.Random("w", 0.2, 20, 48)], attributes: Attribute.Int("transB", 1))],
    ];

    [TestMethod]
    [DynamicData(nameof(SingleLayers))]
    public void Outputs_for_inputs_not_seen_are_nearer_to_floats(string name, Shape shape, Func<Graph, Value, Value> layer)
    {
        // Neighbours are alike, as in pictures: that is what errors of weights can make good for each other by.
        Model Load() => StaticRuns.Build(shape, graph =>
        {
            var sum = graph.AddNode(null, "CumSum", "sum", [graph.Inputs[0], graph.AddInitializer("axis", Tensor.Int64(-1))]);
            return layer(graph, graph.AddNode(null, "Sin", "s", [graph.AddNode(null, "Mul", "m", [sum, graph.AddInitializer("c", Tensor.Float(0.3f))])]));
        });
        var (nearest, plain) = StaticRuns.Measure(Load, s_options, 64);
        var (learned, result) = StaticRuns.Measure(Load, s_options with { Rounding = WeightRounding.AdaRound }, 64);
        var metrics = result.Metrics["layers"]![0]!;
        TestContext.WriteLine($"{name}: {nearest:F2} dB nearest, {learned:F2} dB learned; {metrics.ToJsonString()}");
        Assert.AreEqual("adaround", (string?)metrics["rounding"]);
        Assert.IsGreaterThan(nearest + 1, learned);
        var (solved, quick) = StaticRuns.Measure(Load, s_options with { Rounding = WeightRounding.Gptq }, 64);
        TestContext.WriteLine($"{name}: {solved:F2} dB gptq");
        Assert.AreEqual("gptq", (string?)quick.Metrics["layers"]![0]!["rounding"]);
        Assert.IsGreaterThan(nearest + 1, solved);

        // Both tell the same of the layer's outputs, one from the Hessian and one from the outputs; weights are at most one step off.
        Assert.AreEqual(nearest - (10 * Math.Log10((double)metrics["outputErrorToNearest"]!)), learned, 2);
        Assert.IsLessThan((double)plain.Metrics["layers"]![0]!["snrDb"]!, (double)metrics["snrDb"]!);
        Assert.IsLessThan(2.01 * (double)plain.Metrics["layers"]![0]!["maxAbsError"]!, (double)metrics["maxAbsError"]!);
    }

    [TestMethod]
    public void Models_are_nearer_to_floats()
    {
        const string Name = "resnet/batchnorm-static";
        var (nearest, _) = StaticRuns.Measure(ClassicModels.Get(Name).Build, s_options);
        var (learned, result) = StaticRuns.Measure(ClassicModels.Get(Name).Build, s_options with { Rounding = WeightRounding.AdaRound });
        var (solved, _) = StaticRuns.Measure(ClassicModels.Get(Name).Build, s_options with { Rounding = WeightRounding.Gptq });
        TestContext.WriteLine($"{Name}: {nearest:F2} dB nearest, {learned:F2} dB learned, {solved:F2} dB gptq");
        Assert.IsGreaterThan(nearest + 2, solved);
        Assert.IsTrue(result.Metrics["layers"]!.AsArray().All(layer => (string?)layer!["rounding"] == "adaround"));
        Assert.IsGreaterThan(nearest + 2, learned);
    }

    [TestMethod]
    public void Passes_do_not_change_what_is_found()
    {
        using var model = StaticRuns.Build(new Shape(1, 4, 16), graph => graph.AddNode(null, "MatMul", "y", [graph.AddNode(null, "Relu", "r", [graph.AddNode(null, "MatMul", "h", [graph.Inputs[0], graph.Random("v", 0.2, 16, 24)])]), graph.Random("w", 0.2, 24, 12)]));
        var bytes = new List<byte[]>();
        foreach (var budget in new[] { 1L << 30, 24 * 24 * sizeof(double) })
        {
            var context = new StageContext { Seed = 3 };
            ShapeInference.Run(model);
            using var inputs = CalibrationSource.Open(model, new CalibrationOptions { Random = 4, Batch = 1 }, context);
            List<StaticLayer> layers = [.. Layers.Find(model.Graph).Where(layer => StaticLayer.Unfit(layer, model.Graph) is null).Select(layer => new StaticLayer(layer, IntegerRange.Signed(false), true))];
            layers.ForEach(layer => layer.Quantize(_ => 0.01f, default));
            new LearnedRounding(model, WeightRounding.Gptq, context, budget).Run(layers, inputs, (0, 1));
            bytes.Add([.. layers.SelectMany(layer => layer.Integers.ToArray<sbyte>()).Select(code => (byte)code)]);
        }

        CollectionAssert.AreEqual(bytes[0], bytes[1]);
    }

    [TestMethod]
    public void What_cannot_be_learned_takes_the_nearest_and_says_why()
    {
        Model Load() => StaticRuns.Build(new Shape(1, 4, 8, 8), graph => graph.AddNode(null, "Conv", "y", [graph.AddNode(null, "Exp", "e", [graph.Inputs[0]]), graph.Random("w", 0.2, 4, 4, 3, 3)], attributes: Attribute.String("auto_pad", "SAME_UPPER")));
        var (_, result) = StaticRuns.Measure(Load, s_options with { Rounding = WeightRounding.AdaRound });
        Assert.AreEqual("nearest", (string?)result.Metrics["layers"]![0]!["rounding"]);
        Assert.AreEqual("its padding depends on the size of its input (auto_pad)", (string?)result.Metrics["layers"]![0]!["reason"]);
    }
}
