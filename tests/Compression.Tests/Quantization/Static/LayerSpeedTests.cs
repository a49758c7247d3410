using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>Layers that integers do not make faster stay in float32. Both kinds differ by factors here, so that no load turns them round.</summary>
[TestClass]
public sealed class LayerSpeedTests
{
    [TestMethod]
    public void A_layer_whose_input_takes_longer_to_round_than_to_multiply_stays_in_float()
    {
        using var model = Product(thin: true, thick: true);

        var metrics = Quantize(model, onlyFaster: true);

        var slower = metrics["slower"]!.AsArray().Single()!;
        Assert.AreEqual("thin", (string?)slower["name"]);
        Assert.IsGreaterThanOrEqualTo((double)slower["floatMs"]!, (double)slower["integerMs"]!);
        Assert.IsGreaterThan(0.0, (double)slower["floatMs"]!);
        CollectionAssert.AreEqual(new[] { "thick" }, metrics["layers"]!.AsArray().Select(layer => (string?)layer!["name"]).ToArray());
    }

    [TestMethod]
    public void Without_the_option_both_are_quantized()
    {
        using var model = Product(thin: true, thick: true);

        var metrics = Quantize(model, onlyFaster: false);

        Assert.AreEqual(2, (int)metrics["quantizedLayers"]!);
        Assert.IsNull(metrics["slower"]);
    }

    [TestMethod]
    public void A_model_that_integers_make_faster_nowhere_is_an_error_at_its_place()
    {
        using var model = Product(thin: true, thick: false);

        var error = Assert.ThrowsExactly<CompressToolException>(() => Quantize(model, onlyFaster: true));

        Assert.AreEqual((CompressionErrors.NoEffect, "only-faster"), (error.Code, error.OptionPath));
    }

    private static JsonObject Quantize(Model model, bool onlyFaster) =>
        new QuantizeStage().Run(model, (object)new QuantizeOptions { Scheme = QuantizationScheme.Int8, OnlyFaster = onlyFaster, Calibration = new CalibrationOptions { Random = 1 } }, new StageContext()).Metrics;

    /// <summary>Two products side by side: [65536, 4] x [4, 2], and [64, 1024] x [1024, 1024].</summary>
    private static Model Product(bool thin, bool thick)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        if (thin)
        {
            Add("thin", 65536, 4, 2);
        }

        if (thick)
        {
            Add("thick", 64, 1024, 1024);
        }

        return model;

        void Add(string name, long rows, long inputs, long outputs)
        {
            var graph = model.Graph;
            var x = new Value(name + "_x", new TensorType(DataType.Float, Shape.Of([rows, inputs])));
            graph.AddInput(x);
            var random = new Random(1);
            var weight = graph.AddInitializer(name + ".weight", Tensor.Floats([inputs, outputs], [.. Enumerable.Range(0, (int)(inputs * outputs)).Select(_ => (random.NextSingle() * 2) - 1)]));
            graph.Outputs.Add(graph.AddNode(null, "MatMul", name, [x, weight], new TensorType(DataType.Float, Shape.Of([rows, outputs])), "", Enumerable.Empty<Attribute>()));
        }
    }
}
