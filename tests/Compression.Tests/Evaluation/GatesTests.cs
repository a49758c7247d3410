using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Stages;
using CompressTool.Compression.Tests.Pruning;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests.Evaluation;

[TestClass]
public sealed class GatesTests
{
    [TestMethod]
    public void Gates_are_registered() =>
        Assert.AreEqual("size parameters sparsity max-abs-error psnr latency peak-memory fid kid precision recall ssim image-psnr lpips clip-score macs-per-image latency-per-image", string.Join(' ', GateRegistry.All.Select(gate => gate.Info.Kind)));

    [TestMethod]
    [DataRow("25%", false)]
    [DataRow("60%", true)]
    [DataRow("100 KB", true)]
    [DataRow("1 KB", false)]
    public void Size_counts_model_and_weight_files(string max, bool passes)
    {
        using var bench = new GateBench();
        Save(bench.Original, 10_000, ExternalDataMode.Always);
        Save(bench.Final, 5_000, ExternalDataMode.Never);
        Assert.IsTrue(SizeLimit.TryParse(max, out var limit));

        var result = Evaluate(new SizeGate(), new SizeGateOptions { Max = limit }, bench);

        Assert.AreEqual(passes, result.Passed);
        var (original, final) = (new FileInfo(bench.Original).Length + new FileInfo(bench.Original + ".data").Length, new FileInfo(bench.Final).Length);
        Assert.AreEqual(limit.Share is null ? final : final / (double)original, result.Measured);
        Assert.Contains($"size 50.", result.Text);
        Assert.Contains($"allowed {limit}", result.Text);
        Assert.AreEqual(!passes, result.Text.Contains("raise the limit"));
    }

    [TestMethod]
    public void Sparsity_counts_zeros_of_the_layers()
    {
        using var bench = new GateBench();
        using (var model = PruneRunner.ModelOf(Tensor.Floats([1, 4], 0, -0f, 0, 1), PruneRunner.Make(DataType.Float16, [1, 4], [0, 1, 1, 1]), PruneRunner.Make(DataType.Double, [1, 4], [1, 1, 1, 1])))
        {
            model.Save(bench.Final);
        }

        var passed = Evaluate(new SparsityGate(), new SparsityGateOptions { Min = new Fraction(0.3) }, bench);
        var failed = Evaluate(new SparsityGate(), new SparsityGateOptions { Min = new Fraction(0.5) }, bench);
        var selected = Evaluate(new SparsityGate(), new SparsityGateOptions { Min = new Fraction(0.75), Layers = new LayerSelector { Include = ["a"] } }, bench);

        Assert.AreEqual((true, 4 / 12.0), (passed.Passed, passed.Measured));
        Assert.IsFalse(failed.Passed);
        Assert.StartsWith("sparsity 33.3% (4 zeros among 12 weights of 3 layers), needed 50%; prune more", failed.Text);
        Assert.AreEqual((true, 0.75), (selected.Passed, selected.Measured));
    }

    [TestMethod]
    [DataRow(0.5, 1, true)]
    [DataRow(0.5, 2, true)]
    [DataRow(0.51, 1, false)]
    public void Sparsity_that_pruning_cannot_reach_exactly_passes(double needed, int layers, bool passes)
    {
        // 50% of 5 weights rounds to 2 zeros, 40%.
        using var bench = new GateBench();
        using (var model = PruneRunner.ModelOf(Enumerable.Repeat(0, layers).Select(_ => Tensor.Floats([1, 5], 1, 2, 3, 4, 5))))
        {
            PruneRunner.Run(model, PruneRunner.Weights(0.5));
            model.Save(bench.Final);
        }

        Assert.AreEqual(passes, Evaluate(new SparsityGate(), new SparsityGateOptions { Min = new Fraction(needed) }, bench).Passed);
    }

    [TestMethod]
    public void Sparsity_survives_quantization_to_integers()
    {
        using var bench = new GateBench();
        using (var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx")))
        {
            PruneRunner.Run(model, PruneRunner.Weights(0.6));
            ((IStage)new QuantizeStage()).Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Int8Dynamic }, new StageContext());
            model.Save(bench.Final);
        }

        var result = Evaluate(new SparsityGate(), new SparsityGateOptions { Min = new Fraction(0.6) }, bench);

        Assert.IsTrue(result.Passed, result.Text);
        Assert.IsLessThan(0.7, result.Measured);
    }

    [TestMethod]
    [DataRow(1.0, null, true)]
    [DataRow(0.5, null, false)]
    [DataRow(null, 177_427L, true)]
    [DataRow(null, 177_426L, false)]
    public void Parameters_are_counted_as_inspect_does(double? max, long? count, bool passes)
    {
        using var bench = new GateBench();
        File.Copy(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"), bench.Original);
        using (var model = Model.Load(bench.Original))
        {
            PruneRunner.Run(model, PruneRunner.Weights(0.9));
            model.Save(bench.Final);
        }

        var result = Evaluate(new ParametersGate(), new ParametersGateOptions { Max = max is { } share ? new Fraction(share) : null, MaxCount = count }, bench);

        Assert.AreEqual(passes, result.Passed);
        Assert.AreEqual(count is null ? 1 : 177_427, result.Measured);
        Assert.Contains("(177427 of 177427)", result.Text);
        Assert.AreEqual(!passes, result.Text.Contains("remove more"));
    }

    [TestMethod]
    public void Sparsity_of_a_model_without_layers_cannot_be_measured()
    {
        using var bench = new GateBench();
        GateBench.SaveModel(bench.Final, ("x", GateBench.FloatType(1)));

        Assert.AreEqual(CompressionErrors.UnsuitableModel, Assert.ThrowsExactly<CompressToolException>(() => Evaluate(new SparsityGate(), new SparsityGateOptions(), bench)).Code);
    }

    [TestMethod]
    public void Max_abs_error_names_the_output()
    {
        using var bench = new GateBench();
        bench.Functions(new() { ["a"] = [0, 1], ["b"] = [0, 1] }, new() { ["a"] = [0, 1], ["b"] = [0.25f, 1] });

        var passed = Evaluate(new MaxAbsErrorGate(), new MaxAbsErrorGateOptions { Max = 0.25 }, bench);
        var failed = Evaluate(new MaxAbsErrorGate(), new MaxAbsErrorGateOptions { Max = 0.01 }, bench);

        Assert.AreEqual((true, 0.25, "max-abs-error 0.25 <= 0.25 at output 'b' on 1 random input"), (passed.Passed, passed.Measured, passed.Text));
        Assert.IsFalse(failed.Passed);
        Assert.StartsWith("max-abs-error 0.25 > 0.01 at output 'b' on 1 random input; prune less", failed.Text);
    }

    [TestMethod]
    public void Psnr_names_the_output_and_the_way_out()
    {
        using var bench = new GateBench();
        bench.Functions(new() { ["a"] = [0, 1], ["b"] = [0, 10] }, new() { ["a"] = [0.1f, 1], ["b"] = [0.1f, 10] });

        var passed = Evaluate(new PsnrGate(), new PsnrGateOptions { Min = 20, Samples = 2 }, bench);
        var failed = Evaluate(new PsnrGate(), new PsnrGateOptions { Min = 24, Samples = 2 }, bench);

        Assert.IsTrue(passed.Passed);
        Assert.AreEqual(23.0103, passed.Measured, 1e-4);
        Assert.AreEqual("psnr 23 dB >= 20 dB at output 'a' on 2 random inputs", passed.Text);
        Assert.IsFalse(failed.Passed);
        Assert.StartsWith("psnr 23 dB < 24 dB at output 'a' on 2 random inputs; prune less", failed.Text);
    }

    [TestMethod]
    public void Output_that_is_nan_fails_every_limit()
    {
        using var bench = new GateBench();
        bench.Functions(new() { ["y"] = [0, 1] }, new() { ["y"] = [0, float.NaN] });

        var error = Evaluate(new MaxAbsErrorGate(), new MaxAbsErrorGateOptions { Max = 1e30 }, bench);
        var psnr = Evaluate(new PsnrGate(), new PsnrGateOptions { Min = 0 }, bench);

        Assert.IsFalse(error.Passed);
        Assert.IsFalse(psnr.Passed);
        Assert.Contains("max-abs-error infinite >", error.Text);
        Assert.Contains("1 of its 2 elements are infinite or NaN", psnr.Text);
    }

    [TestMethod]
    public void Gates_on_the_same_inputs_share_their_runs()
    {
        using var bench = new GateBench();
        bench.Functions(new() { ["y"] = [0, 1] }, new() { ["y"] = [0, 1] });
        var context = bench.Context;

        Evaluate(new MaxAbsErrorGate(), new MaxAbsErrorGateOptions { Max = 1 }, context);
        Evaluate(new PsnrGate(), new PsnrGateOptions { Min = 1 }, context);
        Assert.HasCount(2, bench.Engine.Runs);
        Evaluate(new PsnrGate(), new PsnrGateOptions { Min = 1, Batch = 2 }, context);
        Assert.HasCount(4, bench.Engine.Runs);
    }

    [TestMethod]
    public void Given_inputs_are_used_and_told()
    {
        using var bench = new GateBench();
        bench.Functions(new() { ["y"] = [0, 1] }, new() { ["y"] = [0, 1] });
        bench.InputFiles = new Dictionary<string, string> { ["x"] = bench.File("x.npy") };
        NpyFile.Write(bench.File("x.npy"), Tensor.Floats([4], 1, 2, 3, 4));

        var result = Evaluate(new PsnrGate(), new PsnrGateOptions { Min = 100 }, bench);

        Assert.AreEqual("psnr 144 dB >= 100 dB at output 'y' on the given inputs", result.Text);
        CollectionAssert.AreEqual(new float[] { 1, 2, 3, 4 }, bench.Engine.Runs[1].Feeds["x"].AsSpan<float>().ToArray());
    }

    [TestMethod]
    public void Latency_compares_medians_of_alternating_runs()
    {
        using var bench = new GateBench();
        bench.SaveOriginal(("x", GateBench.FloatType(1)));
        bench.Engine.Add("original.onnx", [new("x", GateBench.FloatType(1))], [], _ => Sleep(12));
        bench.Engine.Add("final.onnx", [new("x", GateBench.FloatType(1))], [], _ => Sleep(4));

        var passed = Evaluate(new LatencyGate(), new LatencyGateOptions { Max = new Fraction(0.9), Runs = 6, WarmUp = 1, Threads = 1 }, bench);
        Assert.AreEqual(1, bench.Engine.LastOptions!.Threads);
        Assert.AreEqual(string.Join(' ', Enumerable.Repeat("original.onnx final.onnx", 7)), string.Join(' ', bench.Engine.Runs.Select(run => run.Model)));
        var failed = Evaluate(new LatencyGate(), new LatencyGateOptions { Max = new Fraction(0.01), Runs = 5, WarmUp = 0 }, bench);

        Assert.IsTrue(passed.Passed);
        Assert.IsLessThan(0.9, passed.Measured);
        Assert.Contains("median of 6 runs, 1 thread, measured on this machine), allowed 90%", passed.Text);
        Assert.IsFalse(failed.Passed);
        Assert.Contains("all cores", failed.Text);
        Assert.Contains("raise the limit", failed.Text);
    }

    [TestMethod]
    [DataRow(0.25, 0.5, "25%")]
    [DataRow(0.250004, 0.25, "25.0004%")]
    [DataRow(0.2504, 0.25, "25.04%")]
    [DataRow(12.3456, 1, "1235%")]
    [DataRow(0.00012345, 0.5, "0.0123%")]
    public void Shares_are_told_with_digits_enough_to_judge(double share, double limit, string text) => Assert.AreEqual(text, Figures.Percent(share, limit));

    [TestMethod]
    [DataRow(0.000000123456, 1, "1.23e-7")]
    [DataRow(123456, 1, "123456")]
    [DataRow(29.9999, 30, "29.9999")]
    [DataRow(30, 30, "30")]
    [DataRow(double.PositiveInfinity, 1, "infinite")]
    public void Numbers_are_told_with_digits_enough_to_judge(double value, double limit, string text) => Assert.AreEqual(text, Figures.Number(value, limit));

    private static GateResult Evaluate(IGate gate, object options, GateBench bench) => Evaluate(gate, options, bench.Context);

    private static GateResult Evaluate(IGate gate, object options, GateContext context) => gate.Evaluate(options, context);

    private static Dictionary<string, Runtime.Engine.NdArray> Sleep(int milliseconds)
    {
        Thread.Sleep(milliseconds);
        return [];
    }

    private static void Save(string path, int weights, ExternalDataMode mode)
    {
        using var model = PruneRunner.ModelOf(Tensor.Floats([1, weights], new float[weights]));
        model.Save(path, new SaveOptions { ExternalData = mode });
    }
}
