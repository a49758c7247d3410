using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Tests.Differentiation.Rules;

/// <summary>QuantizeLinear and DequantizeLinear have the gradients of the formula that says the same.</summary>
[TestClass]
public sealed class QuantizationTests
{
    [TestMethod]
    [DataRow("", DataType.Int8, 0, -128, 127, false)]
    [DataRow("", DataType.UInt8, 9, 0, 255, false)]
    [DataRow("", DataType.Int8, -20, -128, 127, true)]
    [DataRow("com.microsoft", DataType.UInt16, 300, 0, 65535, true)]
    public void Gradients_equal_those_of_fake_quantization(string domain, DataType type, int zero, int min, int max, bool isByChannel)
    {
        long[] scaleDims = isByChannel ? [3] : [];
        var builder = Begin(out var x, out var scale, scaleDims);
        var zeroPoint = builder.Constant(Numbers.Create(DataType.Int64, scaleDims, [.. Enumerable.Repeat((double)zero, isByChannel ? 3 : 1)])).Cast(type);
        var quantized = builder.Nodes("QuantizeLinear", domain, 1, [x, scale, zeroPoint], Attribute.Int("axis", 1))[0];
        // Movements of levels carry gradients too.
        var moved = builder.Node("Transpose", [quantized], Attribute.Ints("perm", 0, 1, 2));
        var actual = builder.Nodes("DequantizeLinear", domain, 1, [moved, scale, zeroPoint], Attribute.Int("axis", 1))[0];
        var expected = x.FakeQuantize(isByChannel ? scale.Reshape(3, 1) : scale, builder.Scalar(zero), min, max);

        var results = Run(builder, x, scale, actual, expected);

        Assert.IsTrue(results["actual x"].Contains(0) && results["actual x"].Any(gradient => gradient != 0), "some levels are clamped, some are not");
        foreach (var what in (string[])["y", "x", "scale"])
        {
            foreach (var (one, other) in results[$"actual {what}"].Zip(results[$"expected {what}"]))
            {
                Assert.AreEqual(other, one, 1e-4 * Math.Max(1, Math.Abs(other)), what);
            }
        }
    }

    [TestMethod]
    public void An_operator_on_levels_without_a_gradient_is_named()
    {
        var builder = Begin(out var x, out var scale, []);
        var levels = builder.Node("QuantizeLinear", [x, scale, builder.Constant(Tensor.Create<sbyte>(DataType.Int8, [], [0]))]);
        var flipped = builder.Node("BitwiseNot", [levels]);
        flipped.Value.Producer!.Name = "flip";
        var error = Assert.ThrowsExactly<CompressToolException>(() => Differentiator.Gradients(builder.Node("DequantizeLinear", [flipped, scale]).Sum(), [x]));
        Assert.AreEqual("CMP7001", error.Code.Id);
        Assert.Contains("operator BitwiseNot of node 'flip'", error.Message);
    }

    [TestMethod]
    public void Scales_by_block_are_refused()
    {
        var builder = Begin(out var x, out var scale, [2, 3, 1]);
        var levels = builder.Node("QuantizeLinear", [x, scale], Attribute.Int("axis", 2), Attribute.Int("block_size", 4), Attribute.Int("output_dtype", (long)DataType.Int8));
        var error = Assert.ThrowsExactly<CompressToolException>(() =>
            Differentiator.Gradients(builder.Node("DequantizeLinear", [levels, scale], Attribute.Int("axis", 2), Attribute.Int("block_size", 4)).Sum(), [x]));
        Assert.Contains("a scale for each block", error.Message);
    }

    private static GraphBuilder Begin(out Expr x, out Expr scale, long[] scaleDims)
    {
        var model = new Model { IrVersion = 10 };
        model.Graph.Name = "quantized";
        model.OpsetImports[""] = 21;
        var builder = new GraphBuilder(model);
        x = builder.Input("x", DataType.Float, 2, 3, 4);
        scale = builder.Input("scale", DataType.Float, scaleDims);
        return builder;
    }

    private static Dictionary<string, float[]> Run(GraphBuilder builder, Expr x, Expr scale, Expr actual, Expr expected)
    {
        var weights = builder.Constant(Numbers.Create(DataType.Float, x.Dims, [.. Enumerable.Range(0, 24).Select(index => Math.Cos(index + 1))]));
        foreach (var (name, y) in ((string, Expr)[])[("actual", actual), ("expected", expected)])
        {
            builder.AddOutput($"{name} y", y);
            var gradients = Differentiator.Gradients((y * weights).Sum(), [x, scale]);
            builder.AddOutput($"{name} x", gradients[0]);
            builder.AddOutput($"{name} scale", gradients[1]);
        }

        builder.Model.Graph.RemoveUnused();
        using var function = new OnnxRuntimeEngine().Compile(builder.Model, new EngineOptions { Threads = 1 });
        float[] scales = [.. Enumerable.Range(0, (int)scale.Count).Select(index => 0.013f * (index + 1))];
        // Some far beyond the range of 16 bits.
        float[] numbers = [.. Enumerable.Range(0, 24).Select(index => (index % 5 == 0 ? -9000 : 1) * MathF.Sin((3 * index) + 1))];
        var feeds = new Dictionary<string, NdArray> { ["x"] = NdArray.Create(numbers, x.Dims), ["scale"] = NdArray.Create(scales, scale.Dims) };
        return function.Run(feeds).ToDictionary(pair => pair.Key, pair => pair.Value.AsSpan<float>().ToArray());
    }
}
