using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Static;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests.Quantization;

[TestClass]
public sealed class QuantizeStageTests
{
    public static IEnumerable<object[]> Misplaced =>
    [
        [new QuantizeOptions { Scheme = QuantizationScheme.Int4, KeepIoTypes = true }, "keep-io-types"],
        [new QuantizeOptions { Scheme = QuantizationScheme.Fp16, BlockSize = 32 }, "block-size"],
        [new QuantizeOptions { Scheme = QuantizationScheme.Int8Dynamic, Symmetric = true }, "symmetric"],
        [new QuantizeOptions { Scheme = QuantizationScheme.Fp16, AccuracyLevel = 0 }, "accuracy-level"],
        [new QuantizeOptions { Scheme = QuantizationScheme.Int8Weights, PerChannel = false }, "per-channel"],
        [new QuantizeOptions { Scheme = QuantizationScheme.Fp16, ReduceRange = false }, "reduce-range"],
        [new QuantizeOptions { Scheme = QuantizationScheme.Int4, BlockSize = 48 }, "block-size"],
        [new QuantizeOptions { Scheme = QuantizationScheme.Int4, Smooth = 0.5 }, "smooth"],
        [new QuantizeOptions { Scheme = QuantizationScheme.Int8Dynamic, Rounding = WeightRounding.AdaRound }, "rounding"],
        [new QuantizeOptions { Scheme = QuantizationScheme.Fp16, BiasCorrection = true }, "bias-correction"],
    ];

    [TestMethod]
    [DynamicData(nameof(Misplaced))]
    public void Options_of_other_schemes_are_errors(QuantizeOptions options, string path)
    {
        var errors = new OptionErrors();
        ((IStage)new QuantizeStage()).Validate(options, errors);
        Assert.AreEqual(path, errors.Items.Single().Path);
    }

    [TestMethod]
    public void Every_scheme_is_valid_with_its_own_options()
    {
        foreach (var options in new QuantizeOptions[]
        {
            new() { Scheme = QuantizationScheme.Fp16, KeepIoTypes = false },
            new() { Scheme = QuantizationScheme.Int8, Smooth = 0.5, Rounding = WeightRounding.AdaRound, BiasCorrection = false },
            new() { Scheme = QuantizationScheme.Int8Dynamic, PerChannel = false, ReduceRange = true },
            new() { Scheme = QuantizationScheme.Int8Weights, BlockSize = 256, Symmetric = false, AccuracyLevel = 0 },
            new() { Scheme = QuantizationScheme.Int4, BlockSize = 16, Symmetric = true, AccuracyLevel = 1 },
        })
        {
            var errors = new OptionErrors();
            ((IStage)new QuantizeStage()).Validate(options, errors);
            Assert.IsEmpty(errors.Items);
        }
    }

    [TestMethod]
    [DataRow(QuantizationScheme.Fp16)]
    [DataRow(QuantizationScheme.Int8Dynamic)]
    [DataRow(QuantizationScheme.Int8Weights)]
    [DataRow(QuantizationScheme.Int4)]
    public void The_same_model_gives_the_same_bytes_and_metrics(QuantizationScheme scheme)
    {
        (byte[] Model, string Metrics) Make()
        {
            using var model = SampleModels.Small.Load();
            var result = new QuantizeStage().Run(model, new QuantizeOptions { Scheme = scheme }, new StageContext());
            return (result.Model.ToBytes(), result.Metrics.ToJsonString());
        }

        var (first, second) = (Make(), Make());
        CollectionAssert.AreEqual(first.Model, second.Model);
        Assert.AreEqual(first.Metrics, second.Metrics);
    }

    [TestMethod]
    [DataRow(QuantizationScheme.Fp16)]
    [DataRow(QuantizationScheme.Int8Dynamic)]
    [DataRow(QuantizationScheme.Int4)]
    public void A_cancelled_stage_stops(QuantizationScheme scheme)
    {
        using var model = SampleModels.Small.Load();
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Assert.ThrowsExactly<OperationCanceledException>(() => new QuantizeStage().Run(model, new QuantizeOptions { Scheme = scheme }, new StageContext { CancellationToken = cancel.Token }));
    }

    [TestMethod]
    public void Metrics_name_what_was_done_to_every_layer()
    {
        using var model = SampleModels.Small.Load();
        var all = Layers.Find(model.Graph).Select(layer => layer.Name).ToList();
        var metrics = new QuantizeStage().Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Int8Dynamic, Layers = new LayerSelector { Exclude = ["conv_in", "conv_out"] } }, new StageContext()).Metrics;
        var done = metrics["layers"]!.AsArray().Select(layer => (string)layer!["name"]!).ToList();
        var unchanged = metrics["unchanged"]!.AsArray().Select(layer => (string)layer!).ToList();
        CollectionAssert.AreEquivalent(new[] { "conv_in", "conv_out" }, unchanged);
        CollectionAssert.AreEquivalent(all, done.Concat(unchanged).ToList());
        Assert.IsTrue(metrics["layers"]!.AsArray().All(layer => (double)layer!["snrDb"]! is > 30 and < 60));
    }

    [TestMethod]
    public void Old_formats_are_raised_to_where_constants_need_not_be_inputs()
    {
        using var model = SampleModels.Small.Load();
        model.IrVersion = 3;
        new QuantizeStage().Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Int8Weights }, new StageContext());
        Assert.AreEqual(4, model.IrVersion);
    }

    [TestMethod]
    public void A_missing_weight_file_is_named()
    {
        using var folder = new TempFolder();
        using (var model = SampleModels.Small.Load())
        {
            model.Save(folder.File("model.onnx"), new SaveOptions { ExternalData = ExternalDataMode.Always });
        }

        File.Delete(folder.File("model.onnx.data"));
        foreach (var scheme in Enum.GetValues<QuantizationScheme>())
        {
            using var model = Model.Load(folder.File("model.onnx"), new LoadOptions { AllowMissingWeights = true });

            // bf16 reads weights only when the model is saved.
            var error = Assert.Throws<CompressToolException>(() => new QuantizeStage().Run(model, new QuantizeOptions { Scheme = scheme }, new StageContext()).Model.Save(folder.File("out.onnx")));
            StringAssert.Contains(error.Message, "model.onnx.data");
        }
    }
}
