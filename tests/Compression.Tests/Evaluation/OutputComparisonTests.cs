using CompressTool.Compression.Evaluation;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests.Evaluation;

[TestClass]
public sealed class OutputComparisonTests
{
    [TestMethod]
    public void Error_and_psnr_are_those_of_the_formulas()
    {
        // Differences 0, 0.5, -0.25, 0: the largest 0.5, mean square 0.078125; the peak is 3 - (-1).
        var output = Compare([-1, 0, 3, 2], [-1, 0.5f, 2.75f, 2]).Outputs.Single();

        Assert.AreEqual(0.5, output.MaxAbsError);
        Assert.AreEqual(0.078125, output.MeanSquaredError);
        Assert.AreEqual(20 * Math.Log10(4 / Math.Sqrt(0.078125)), output.Psnr, 1e-12);
        Assert.AreEqual(4, output.Count);
    }

    [TestMethod]
    public void Equal_outputs_have_the_largest_psnr()
    {
        Assert.AreEqual(OutputDifference.MaxPsnr, Compare([1, 2, float.PositiveInfinity, float.NaN], [1, 2, float.PositiveInfinity, float.NaN]).Outputs[0].Psnr);
        Assert.AreEqual(OutputDifference.MaxPsnr, Compare([0, 1e6f, 0, 0], [1e-6f, 1e6f, 0, 0]).Outputs[0].Psnr);
        Assert.AreEqual(OutputDifference.MaxPsnr, 20 * Math.Log10(Math.Pow(2, 24)), 1e-9);
    }

    [TestMethod]
    [DataRow(float.NaN, 1f)]
    [DataRow(1f, float.NaN)]
    [DataRow(1f, float.NegativeInfinity)]
    [DataRow(float.PositiveInfinity, float.NegativeInfinity)]
    public void Elements_that_are_not_finite_in_one_model_only_are_infinite_errors(float original, float final)
    {
        var output = Compare([0, 0, 0, original], [0, 0, 0, final]).Outputs[0];

        Assert.AreEqual(1, output.NonFinite);
        Assert.AreEqual(double.PositiveInfinity, output.MaxAbsError);
        Assert.AreEqual(double.NegativeInfinity, output.Psnr);
    }

    [TestMethod]
    public void Constant_reference_has_its_magnitude_as_peak()
    {
        Assert.AreEqual(20 * Math.Log10(2 / 0.5), Compare([2, 2, 2, 2], [2.5f, 1.5f, 2.5f, 1.5f]).Outputs[0].Psnr, 1e-12);
        Assert.AreEqual(20 * Math.Log10(1 / 0.5), Compare([0, 0, 0, 0], [0.5f, 0.5f, -0.5f, 0.5f]).Outputs[0].Psnr, 1e-12);
    }

    [TestMethod]
    public void Worst_output_depends_on_the_figure()
    {
        using var bench = new GateBench();
        bench.Functions(
            new() { ["large"] = [0, 1000, 0, 0], ["small"] = [0, 1, 0, 0] },
            new() { ["small"] = [0.5f, 1, 0, 0], ["large"] = [1, 1000, 0, 0] });

        var comparison = Run(bench);

        Assert.AreEqual("large", comparison.LargestError.Name);
        Assert.AreEqual("small", comparison.SmallestPsnr.Name);
    }

    [TestMethod]
    public void Only_one_model_is_loaded_at_a_time()
    {
        using var bench = new GateBench();
        bench.Functions(new() { ["y"] = [1] }, new() { ["y"] = [1] });

        Run(bench, new InputOptions { Samples = 3 });

        Assert.AreEqual("original.onnx -original.onnx final.onnx -final.onnx", string.Join(' ', bench.Engine.Log));
        Assert.HasCount(6, bench.Engine.Runs);
    }

    [TestMethod]
    public void Other_outputs_or_shapes_cannot_be_compared()
    {
        using var bench = new GateBench();
        bench.Functions(new() { ["out_sample"] = [1] }, new() { ["out_sampel"] = [1] });
        using var shapes = new GateBench();
        shapes.Functions(new() { ["y"] = [1] }, new() { ["y"] = [1, 2] });

        Assert.Contains("has no output 'out_sample' as the original has; did you mean 'out_sampel'?", Assert.ThrowsExactly<CompressToolException>(() => Run(bench)).Message);
        Assert.Contains("'y' is float32[2] instead of float32[1]", Assert.ThrowsExactly<CompressToolException>(() => Run(shapes)).Message);
    }

    [TestMethod]
    public void Other_types_of_inputs_and_outputs_are_cast()
    {
        using var bench = new GateBench();
        bench.SaveOriginal(("x", GateBench.FloatType(3)));
        bench.Engine.Add("original.onnx", [new("x", GateBench.FloatType(3))], [new("y", GateBench.FloatType(3))], feeds => new() { ["y"] = feeds["x"] });
        var half = new TensorType(DataType.Float16, Shape.Of([3]));
        bench.Engine.Add("final.onnx", [new("x", half)], [new("y", half)], feeds => new() { ["y"] = feeds["x"] });

        var output = Run(bench).Outputs[0];

        Assert.AreEqual(DataType.Float16, bench.Engine.Runs[1].Feeds["x"].Type);
        var inputs = bench.Engine.Runs[0].Feeds["x"].AsSpan<float>().ToArray();
        Assert.AreEqual(inputs.Max(x => Math.Abs(x - (float)(Half)x)), output.MaxAbsError);
        Assert.IsGreaterThan(0, output.MaxAbsError);
    }

    [TestMethod]
    public void Cancelling_ends_the_comparison()
    {
        using var bench = new GateBench();
        bench.Functions(new() { ["y"] = [1] }, new() { ["y"] = [1] });

        Assert.ThrowsExactly<OperationCanceledException>(() => OutputComparison.Run(bench.Original, bench.Final, bench.Engine, null, new InputOptions(), 0, new CancellationToken(canceled: true)));
    }

    private static OutputComparison Compare(float[] original, float[] final)
    {
        using var bench = new GateBench();
        bench.Functions(new() { ["y"] = original }, new() { ["y"] = final });
        return Run(bench);
    }

    private static OutputComparison Run(GateBench bench, InputOptions? options = null) =>
        OutputComparison.Run(bench.Original, bench.Final, bench.Engine, bench.InputFiles, options ?? new InputOptions(), 0, CancellationToken.None);
}
