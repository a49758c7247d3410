using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Tests.Pruning;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Tests.Evaluation;

[TestClass]
public sealed class PeakMemoryGateTests
{
    [TestMethod]
    [DataRow(ExternalDataMode.Never)]
    [DataRow(ExternalDataMode.Always)]
    public void Weights_and_values_count(ExternalDataMode mode)
    {
        using var folder = new TempFolder();
        var (large, small) = (Save(folder, "large.onnx", 2048, mode), Save(folder, "small.onnx", 1024, mode));

        var share = Evaluate(folder, large, small, "60%");
        Assert.IsTrue(share.Passed, share.Text);
        Assert.IsGreaterThan(0.45, share.Measured);
        Assert.IsLessThan(0.55, share.Measured);
        var bytes = Evaluate(folder, large, small, "1 MB");
        Assert.IsFalse(bytes.Passed);
        Assert.IsGreaterThan(512 * 1024 * 4, bytes.Measured);
        Assert.Contains("allowed 1 MB; remove channels", bytes.Text);
    }

    [TestMethod]
    public void Engine_that_does_not_count_is_an_error()
    {
        using var bench = new GateBench();
        bench.Functions(new() { ["y"] = [0] }, new() { ["y"] = [0] });

        var error = Assert.ThrowsExactly<CompressToolException>(() => new PeakMemoryGate().Evaluate(new PeakMemoryGateOptions(), bench.Context));
        Assert.AreEqual(RuntimeErrors.FeatureNotAvailable, error.Code);
    }

    private static GateResult Evaluate(TempFolder folder, string original, string final, string max)
    {
        NpyFile.Write(folder.File("x.npy"), Tensor.Floats([1, 512], new float[512]));
        Assert.IsTrue(SizeLimit.TryParse(max, out var limit));
        return new PeakMemoryGate().Evaluate(new PeakMemoryGateOptions { Max = limit }, new GateContext
        {
            OriginalPath = original,
            FinalPath = final,
            InputFiles = new Dictionary<string, string> { ["x"] = folder.File("x.npy") },
            Engine = new OnnxRuntimeEngine(),
        });
    }

    /// <summary>A product with a matrix of 512 rows.</summary>
    private static string Save(TempFolder folder, string name, int columns, ExternalDataMode mode)
    {
        using var model = PruneRunner.ModelOf(Tensor.Floats([512, columns], new float[512 * columns]));
        model.Save(folder.File(name), new SaveOptions { ExternalData = mode });
        return folder.File(name);
    }
}
