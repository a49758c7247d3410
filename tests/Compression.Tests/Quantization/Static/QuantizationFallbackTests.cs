using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>Layers stay in float32 until the outputs are good enough.</summary>
[TestClass]
public sealed class QuantizationFallbackTests
{
    [TestMethod]
    public void The_layer_that_hurts_most_stays_in_float_and_the_limit_holds()
    {
        var (without, free) = Quantize(null);
        var before = Snr(without);
        var limit = before + 6;

        var (bytes, metrics) = Quantize(limit);

        CollectionAssert.AreEqual(new[] { "layer2.0.conv2" }, metrics["fallback"]!.AsArray().Select(name => (string?)name).ToArray());
        Assert.AreEqual((int)free["quantizedLayers"]! - 1, (int)metrics["quantizedLayers"]!);
        Assert.IsGreaterThanOrEqualTo(limit, (double)metrics["snrDb"]!);
        Assert.AreEqual((double)metrics["snrDb"]!, Snr(bytes), 1.5, "what was tried is what is made; results clipped by a Relu are not rounded where it is tried");
        var alone = metrics["sensitivity"]!.AsObject().ToDictionary(layer => layer.Key, layer => (double)layer.Value!);
        Assert.AreEqual("layer2.0.conv2", alone.MinBy(layer => layer.Value).Key);
        Assert.AreEqual("[]", metrics["runtime"]!["floatOperators"]!.ToJsonString());
    }

    [TestMethod]
    public void A_limit_that_holds_anyway_changes_nothing()
    {
        var (without, _) = Quantize(null);
        var (bytes, metrics) = Quantize(1);
        CollectionAssert.AreEqual(without, bytes, "the model was left as it was while it was tried out");
        Assert.AreEqual("[]", metrics["fallback"]!.ToJsonString());
    }

    [TestMethod]
    public void A_limit_that_no_layer_allows_is_an_error_at_its_place()
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => Quantize(150));
        Assert.AreEqual((CompressionErrors.NoEffect, "min-snr"), (error.Code, error.OptionPath));
    }

    [TestMethod]
    public void Sensitivities_are_measured_once_for_all_limits()
    {
        using var folder = new TempFolder();
        var made = new Dictionary<string, string>();
        var context = new StageContext
        {
            Share = artifact =>
            {
                var key = string.Join(';', artifact.Ingredients.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
                if (artifact.Kind == "layer-sensitivity" && !made.ContainsKey(key))
                {
                    made.Add(key, Directory.CreateDirectory(folder.File($"{made.Count}")).FullName);
                    artifact.Make(made[key]);
                }

                return made[key];
            },
        };

        var first = Quantize(20, context).Metrics["sensitivity"]!.ToJsonString();
        var second = Quantize(25, context).Metrics["sensitivity"]!.ToJsonString();
        Assert.HasCount(1, made);
        Assert.AreEqual(first, second);
        Assert.AreEqual(first, Quantize(20).Metrics["sensitivity"]!.ToJsonString());

        var others = Quantize(20, context, Calibration with { Method = CalibrationMethod.Percentile, Percentile = 90 }).Metrics["sensitivity"]!.ToJsonString();
        Assert.HasCount(2, made);
        Assert.AreNotEqual(first, others);
    }

    private static double Snr(byte[] quantized)
    {
        using var model = LayerNoiseTests.OutlierModel();
        var original = model.ToBytes();
        using var inputs = CalibrationSource.Open(model, Calibration, new StageContext());
        Tensor[] Outputs(byte[] bytes) => [.. inputs.ReadAll(default).Select(feeds => ModelRunner.Run(bytes, feeds.Arrays.ToDictionary(array => array.Key, array => array.Value.ToTensor())).Values.Single())];
        var (exact, noisy) = (Outputs(original), Outputs(quantized));
        float[] All(Tensor[] tensors) => [.. tensors.SelectMany(tensor => tensor.ToFloats())];
        return ModelRunner.SnrDb(Tensor.Floats([All(exact).Length], All(exact)), Tensor.Floats([All(noisy).Length], All(noisy)));
    }

    private static CalibrationOptions Calibration => new() { Random = 8, Batch = 1, Method = CalibrationMethod.MinMax };

    private static (byte[] Bytes, JsonObject Metrics) Quantize(double? least, StageContext? context = null, CalibrationOptions? calibration = null)
    {
        using var model = LayerNoiseTests.OutlierModel();
        var options = new QuantizeOptions { Scheme = QuantizationScheme.Int8, Between = false, MinSnr = least, Calibration = calibration ?? Calibration };
        var result = new QuantizeStage().Run(model, (object)options, context ?? new StageContext());
        return (result.Model.ToBytes(), result.Metrics);
    }
}
