using System.Runtime.InteropServices;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Pruning;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using static CompressTool.Compression.Tests.Pruning.PruneRunner;

namespace CompressTool.Compression.Tests.Evaluation;

/// <summary>Real exported models, pruned, on ONNX Runtime.</summary>
[TestClass]
public sealed class RealModelTests
{
    private static readonly IEngine s_engine = new OnnxRuntimeEngine();

    public static IEnumerable<object[]> Models => Repository.OracleFolder is { } folder
        ? Directory.GetFiles(folder, "*.onnx", SearchOption.AllDirectories).Where(path => !path.Contains("big")).Order(StringComparer.Ordinal).Select(path => new object[] { Path.GetRelativePath(folder, path), path })
        : new[] { "unet2d/model_op17_dynbatch.onnx", "unet2d-cifarstyle/model_op14.onnx", "autoencoder-kl/decoder_op17.onnx" }.Select(name => new object[] { name, Repository.Fixture(name.Split('/')) });

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Model_with_pruned_weights_computes_what_the_masked_model_does(string name, string path)
    {
        Assert.IsNotEmpty(name);
        using var folder = new TempFolder();
        var (pruned, masked) = (folder.File("pruned.onnx"), folder.File("masked.onnx"));
        using (var model = Model.Load(path))
        {
            Run(model, Weights(0.5));
            model.Save(pruned);
        }

        // The same, with masks made here by sorting.
        using (var model = Model.Load(path))
        {
            foreach (var layer in Layers.Find(model.Graph))
            {
                var weights = layer.Tensor.ToFloats();
                foreach (var index in Enumerable.Range(0, weights.Length).OrderBy(index => Math.Abs(weights[index])).Take((int)Math.Round(weights.Length * 0.5, MidpointRounding.ToEven)))
                {
                    weights[index] = 0;
                }

                layer.Replace(new MemoryData(MemoryMarshal.AsBytes(weights.AsSpan()).ToArray()));
            }

            model.Save(masked);
        }

        var same = OutputComparison.Run(masked, pruned, s_engine, null, new InputOptions(), 1, CancellationToken.None);
        var changed = OutputComparison.Run(path, pruned, s_engine, null, new InputOptions(), 1, CancellationToken.None);

        Assert.AreEqual(0, same.LargestError.MaxAbsError);
        Assert.IsGreaterThan(1e-3, changed.LargestError.MaxAbsError);
        Assert.IsLessThan(60, changed.SmallestPsnr.Psnr);
    }

    [TestMethod]
    [DataRow(PrunePattern.TwoOfFour)]
    [DataRow(PrunePattern.FourOfEight)]
    [DataRow(PrunePattern.OneOfFour)]
    public void Model_with_a_pattern_runs(PrunePattern pattern)
    {
        using var folder = new TempFolder();
        var (path, pruned) = (Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"), folder.File("pruned.onnx"));
        using (var model = Model.Load(path))
        {
            var metrics = Run(model, NM(pattern));
            model.Save(pruned);
            Assert.AreEqual("conv_in", metrics["skipped"]![0]!["name"]!.GetValue<string>());
        }

        var comparison = OutputComparison.Run(path, pruned, s_engine, null, new InputOptions(), 1, CancellationToken.None);

        Assert.IsLessThan(60, comparison.SmallestPsnr.Psnr);
        Assert.IsGreaterThan(0, comparison.SmallestPsnr.Psnr);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Model_in_float16_is_compared_on_the_same_inputs(bool keepIoTypes)
    {
        using var folder = new TempFolder();
        var (path, half) = (Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"), folder.File("half.onnx"));
        using (var model = Model.Load(path))
        {
            ((IStage)new QuantizeStage()).Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Fp16, KeepIoTypes = keepIoTypes }, new StageContext());
            model.Save(half);
        }

        var comparison = OutputComparison.Run(path, half, s_engine, null, new InputOptions { Samples = 2 }, 1, CancellationToken.None);

        Assert.IsInRange(40, 100, comparison.SmallestPsnr.Psnr);
    }

    [TestMethod]
    public void Comparison_for_scripts_has_all_figures()
    {
        using var folder = new TempFolder();
        var (path, pruned) = (Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"), folder.File("pruned.onnx"));
        using (var model = Model.Load(path))
        {
            Run(model, Weights(0.3, PruneScope.Global));
            model.Save(pruned);
        }

        var inputs = new[] { "sample", "timestep" }.ToDictionary(name => name, name => Repository.Fixture("unet2d", "io", name + ".npy"));
        var given = ModelComparison.Run(path, pruned, s_engine, inputs, latency: new LatencyOptions { Runs = 5, WarmUp = 0, Threads = 1 }).ToJson();
        var random = ModelComparison.Run(path, path, s_engine, inputs: new InputOptions { Batch = 3 }).ToJson();

        Assert.IsGreaterThan(0, given["maxAbsError"]!.GetValue<double>());
        Assert.IsInRange(10, 80, given["psnr"]!.GetValue<double>());
        Assert.AreEqual("out_sample", given["worstOutput"]!.GetValue<string>());
        Assert.AreEqual(1, given["sizeRatio"]!.GetValue<double>(), 0.01);
        Assert.IsInRange(0.2, 5, given["latencyRatio"]!.GetValue<double>());
        Assert.AreEqual($"onnxruntime {s_engine.Version}", given["runtime"]!.GetValue<string>());
        Assert.AreEqual("given", given["inputs"]!.GetValue<string>());
        Assert.AreEqual(0, random["maxAbsError"]!.GetValue<double>());
        Assert.AreEqual(OutputDifference.MaxPsnr, random["psnr"]!.GetValue<double>());
        Assert.IsNull(random["latencyRatio"]);
    }
}
