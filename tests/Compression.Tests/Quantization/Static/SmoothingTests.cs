using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.Static;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>smooth: the range of few channels of an activation goes into the weights that read it.</summary>
[TestClass]
public sealed class SmoothingTests
{
    public required TestContext TestContext { get; init; }

    [TestMethod]
    [DataRow("vit/static", 6)]
    [DataRow("gpt2/static", 6)]
    [DataRow("dit/static", 3)]
    public void Channels_of_large_numbers_no_longer_take_all_integers(string name, double gain)
    {
        var options = new QuantizeOptions { Scheme = QuantizationScheme.Int8 };
        var (plain, _) = StaticRuns.Measure(() => Outliers(name), options);
        var (smooth, result) = StaticRuns.Measure(() => Outliers(name), options with { Smooth = 0.5 });
        TestContext.WriteLine($"{name}: {plain:F1} dB without and {smooth:F1} dB with smoothing of {((System.Text.Json.Nodes.JsonArray)result.Metrics["smoothed"]!).Count} layers; left: {result.Metrics["notSmoothed"]!.ToJsonString()}");
        Assert.IsGreaterThan(plain + gain, smooth);
    }

    [TestMethod]
    [DataRow("vit/dynamic")]
    [DataRow("gpt2/dynamic")]
    public void Floats_stay_what_they_are(string name)
    {
        using var model = Outliers(name);
        ShapeInference.Run(model);
        var inputs = StaticRuns.Inputs(model);
        var before = StaticRuns.Run(model.ToBytes(), inputs);
        var context = new StageContext { Seed = 3 };
        using var calibration = CalibrationSource.Open(model, new CalibrationOptions { Random = 8, Batch = 2 }, context);
        var nodes = model.Graph.Nodes.Count;
        Smoothing.Run(model, Layers.Find(model.Graph), 0.5, calibration, context, (0, 1));
        Assert.AreEqual(nodes, model.Graph.Nodes.Count);
        Assert.IsGreaterThan(90, StaticRuns.SnrDb(before, StaticRuns.Run(model.ToBytes(), inputs)));
    }

    [TestMethod]
    public void Scales_are_those_of_the_paper()
    {
        using var model = StaticRuns.Build(new Shape(1, 2), graph =>
        {
            var x = graph.AddNode(null, "Mul", "m", [graph.AddNode(null, "Sign", "s", [graph.Inputs[0]]), graph.AddInitializer("c", Tensor.Floats([2], 8, 2))]);
            return graph.AddNode(null, "MatMul", "y", [x, graph.AddInitializer("w", Tensor.Floats([2, 2], 0.5f, -0.25f, 1, 2))]);
        });
        ShapeInference.Run(model);
        var context = new StageContext { Seed = 3 };
        using var calibration = CalibrationSource.Open(model, new CalibrationOptions { Random = 4, Batch = 1 }, context);
        var metrics = Smoothing.Run(model, Layers.Find(model.Graph), 0.5, calibration, context, (0, 1));

        // sqrt(8 / 0.5) = 4, sqrt(2 / 2) = 1.
        CollectionAssert.AreEqual(new[] { 2f, 2f }, model.Graph.FindValue("c")!.Initializer!.ToFloats());
        CollectionAssert.AreEqual(new[] { 2f, -1f, 1, 2 }, model.Graph.FindValue("w")!.Initializer!.ToFloats());
        Assert.AreEqual("""{"smoothed":["w"],"notSmoothed":[]}""", metrics.ToJsonString());
    }

    [TestMethod]
    public void Where_nothing_takes_the_scales_that_is_an_error()
    {
        using var model = StaticRuns.Build(new Shape(4, 16), graph => graph.AddNode(null, "MatMul", "y", [graph.AddNode(null, "Sigmoid", "s", [graph.Inputs[0]]), graph.Random("w", 0.2, 16, 8)]));
        var error = Assert.ThrowsExactly<CompressToolException>(() => StaticRuns.Quantize(model, new QuantizeOptions { Scheme = QuantizationScheme.Int8, Smooth = 0.5 }));
        StringAssert.Contains(error.Message, "for example 'w': 's' (Sigmoid) makes it, which has no scale");
        Assert.AreEqual(CompressionErrors.NoEffect, error.Code);
        Assert.AreEqual("smooth", error.OptionPath);
    }

    /// <summary>A model whose layers' inputs have channels 50 times as large as the others, with weights that are the smaller there.</summary>
    private static Model Outliers(string name)
    {
        var model = ClassicModels.Get(name).Build();
        ShapeInference.Run(model);
        var byNode = ChannelScaling.LayersByNode(model.Graph);
        foreach (var group in byNode.Values.Distinct().Where(layer => layer.Kind is LayerKind.MatMul or LayerKind.Gemm && ChannelScaling.Unfit(layer) is null).GroupBy(layer => layer.Node.Inputs[0]!).ToList())
        {
            if (group.Key.Producer is { OpType: "LayerNormalization" or "Add" } && ChannelScaling.Find(group.Key, [.. group.SelectMany(layer => layer.Uses).Select(use => use.Node)], byNode) is { Reason: null } scaling)
            {
                var scales = Enumerable.Range(0, scaling.Channels).Select(channel => channel % 16 == 5 ? 0.02f : 1).ToArray();
                scaling.Divide(scales);
                group.ToList().ForEach(layer => ChannelScaling.MultiplyRows(layer, scales));
            }
        }

        return model;
    }
}
