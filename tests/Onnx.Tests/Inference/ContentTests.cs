using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Inference;

/// <summary>Constants, computed as the runtime computes them.</summary>
[TestClass]
public sealed class ContentTests
{
    private static readonly Tensor s_matrix = Tensor.Create<int>(DataType.Int32, [2, 3], [1, 2, 3, 4, 5, 6]);

    [TestMethod]
    public void Elements_are_moved()
    {
        Assert.AreEqual("int32[3,2]{1 4 2 5 3 6}", new NodeUnderTest("Transpose").In(s_matrix).Content());
        Assert.AreEqual("int32[3,2]{1 2 3 4 5 6}", new NodeUnderTest("Reshape").In(s_matrix).In(3, -1).Content());
        Assert.AreEqual("int32[2,2]{3 1 6 4}", new NodeUnderTest("Gather").In(s_matrix).In(-1, 0).With("axis", 1L).Content());
        Assert.AreEqual("int32[1,3]{4 2 3}", new NodeUnderTest("GatherElements").In(s_matrix).In(Tensor.Create<long>(DataType.Int64, [1, 3], [1, 0, -2])).Content());
        Assert.AreEqual("int32[2,2]{3 1 6 4}", new NodeUnderTest("Slice").In(s_matrix).In(-1).In(long.MinValue).In(1).In(-2).Content());
        Assert.AreEqual("int32[2,6]{1 2 3 1 2 3 4 5 6 4 5 6}", new NodeUnderTest("Concat").In(s_matrix).In(s_matrix).With("axis", -1L).Content());
        Assert.AreEqual("int32[2,1]{3 6}", new NodeUnderTest("Split").In(s_matrix).In(2, 1).With("axis", 1L).Content(1, 2));
        Assert.AreEqual("int32[2,2,3]{1 2 3 4 5 6 1 2 3 4 5 6}", new NodeUnderTest("Expand").In(s_matrix).In(2, 1, 1).Content());
        Assert.AreEqual("int32[4,3]{1 2 3 4 5 6 1 2 3 4 5 6}", new NodeUnderTest("Tile").In(s_matrix).In(2, 1).Content());
        Assert.AreEqual("int32[3,4]{9 9 9 9 9 1 2 3 9 4 5 6}", new NodeUnderTest("Pad").In(s_matrix).In(1, 1, 0, 0).In(Tensor.Create(DataType.Int32, [], [9])).Content());
        Assert.AreEqual("int32[2,3]{1 2 3 0 5 6}", new NodeUnderTest("Trilu").In(s_matrix).Content());
        Assert.AreEqual("int32[2,3]{1 2 0 4 5 6}", new NodeUnderTest("Trilu").In(s_matrix).In(Tensor.Int64(1)).With("upper", 0L).Content());
        Assert.AreEqual("int32[2,3]{1 2 3 7 8 9}", new NodeUnderTest("ScatterND").In(s_matrix).In(Tensor.Create<long>(DataType.Int64, [1, 1], [1])).In(Tensor.Create(DataType.Int32, [1, 3], [7, 8, 9])).Content());
        Assert.AreEqual("int32[2,3]{1 8 3 7 5 6}", new NodeUnderTest("ScatterElements").In(s_matrix).In(Tensor.Create<long>(DataType.Int64, [1, 2], [1, 0])).In(Tensor.Create(DataType.Int32, [1, 2], [7, 8])).Content());
        Assert.AreEqual("int32[2,3]{1 0 0 4 5 0}", new NodeUnderTest("Where").In(Tensor.Create(DataType.Bool, [2, 3], [true, false, false, true, true, false])).In(s_matrix).In(Tensor.Create(DataType.Int32, [], [0])).Content());
        Assert.AreEqual("float32[2,3]{0 0 1 1 0 0}", new NodeUnderTest("OneHot").In(-1, 0).In(3).In(Tensor.Floats([2], 0, 1)).Content());
        Assert.AreEqual("float32[3,2]{0 1 0 0 1 0}", new NodeUnderTest("OneHot").In(2, 0).In(3).In(Tensor.Floats([2], 0, 1)).With("axis", 0L).Content());
    }

    [TestMethod]
    public void Numbers_are_computed_in_their_type()
    {
        Assert.AreEqual("int64[3]{-2 2 0}", new NodeUnderTest("Div").In(-7, 7, 1).In(3).Content());
        Assert.AreEqual("int64[3]{2 1 1}", new NodeUnderTest("Mod").In(-7, 7, 1).In(3).Content());
        Assert.AreEqual("int64[3]{-1 1 1}", new NodeUnderTest("Mod").In(-7, 7, 1).In(3).With("fmod", 1L).Content());
        Assert.AreEqual("int32[]{-2147483648}", new NodeUnderTest("Add").In(Tensor.Create(DataType.Int32, [], [int.MaxValue])).In(Tensor.Create(DataType.Int32, [], [1])).Content());
        Assert.AreEqual("float32[]{0.1}", new NodeUnderTest("Div").In(Tensor.Float(1)).In(Tensor.Float(10)).Content());
        Assert.AreEqual("float32[3]{2 0 -2}", new NodeUnderTest("Round").In(Tensor.Floats([3], 1.5f, 0.5f, -2.5f)).Content());
        Assert.AreEqual("float32[]{0.17677669}", new NodeUnderTest("Reciprocal").In(Tensor.Float(5.656854f)).Content());
        Assert.AreEqual("float32[]{1.4142135}", new NodeUnderTest("Sqrt").In(Tensor.Float(2)).Content());
        Assert.AreEqual("float32[]{27}", new NodeUnderTest("Pow").In(Tensor.Float(3)).In(Tensor.Int64(3)).Content());
        Assert.AreEqual("uint8[2]{1 255}", new NodeUnderTest("Abs").In(Tensor.Create<byte>(DataType.UInt8, [2], [1, 255])).Content());
        Assert.AreEqual("int64[3]{1 2 2}", new NodeUnderTest("Clip").In(0, 2, 3).In(Tensor.Int64(1)).In(Tensor.Int64(2)).Content());
        Assert.AreEqual("bool[2]{0 1}", new NodeUnderTest("Equal").In(1, 2).In(2).Content());
        Assert.AreEqual("bool[2]{1 0}", new NodeUnderTest("Not").In(Tensor.Create(DataType.Bool, [2], [false, true])).Content());
        Assert.AreEqual("bool[2]{0 1}", new NodeUnderTest("Xor").In(Tensor.Create(DataType.Bool, [2], [false, true])).In(Tensor.Create(DataType.Bool, [], [false])).Content());
        Assert.AreEqual("int64[3]{3 5 7}", new NodeUnderTest("Max").In(1, 5, 2).In(3).In(0, 0, 7).Content());
        Assert.IsNull(new NodeUnderTest("Div").In(1).In(0).Content(), "division by zero is left to the runtime");
        Assert.IsNull(new NodeUnderTest("Exp").In(Tensor.Float(1)).Content(), "functions that runtimes round differently are left alone");
    }

    [TestMethod]
    public void Casts_wrap_integers_and_cut_fractions()
    {
        static string? Cast(Tensor tensor, DataType to) => new NodeUnderTest("Cast").In(tensor).With("to", (long)to).Content();
        Assert.AreEqual("int8[2]{-1 44}", Cast(Tensor.Int64s(255, 300), DataType.Int8));
        Assert.AreEqual("int64[3]{-1 1 2}", Cast(Tensor.Floats([3], -1.9f, 1.9f, 2), DataType.Int64));
        Assert.AreEqual("bool[3]{0 1 1}", Cast(Tensor.Floats([3], 0, 0.1f, float.NaN), DataType.Bool));
        Assert.AreEqual("float16[2]{65504 0.1}", Cast(Tensor.Floats([2], 65503, 0.1f), DataType.Float16)?.Replace("0.099975586", "0.1", StringComparison.Ordinal));
        Assert.AreEqual("bfloat16[2]{1 1.0078125}", Cast(Tensor.Floats([2], 1.00390625f, 1.01f), DataType.BFloat16));
        Assert.AreEqual("float32[1]{16777216}", Cast(Tensor.Int64s(16777217), DataType.Float));
        Assert.IsNull(Cast(Tensor.Floats([1], float.NaN), DataType.Int32));
        Assert.IsNull(Cast(Tensor.Floats([1], 300), DataType.UInt8));
    }

    [TestMethod]
    public void Tensors_are_made_from_shapes()
    {
        Assert.AreEqual("int64[3]{2 3 4}", new NodeUnderTest("Shape").In("float32[2,3,4]").Content());
        Assert.IsNull(new NodeUnderTest("Shape").In("float32[b,3,4]").Content());
        Assert.AreEqual("int64[]{24}", new NodeUnderTest("Size").In("float32[2,3,4]").Content());
        Assert.AreEqual("int64[2,2]{7 7 7 7}", new NodeUnderTest("ConstantOfShape").In(2, 2).With(Attribute.Tensor("value", Tensor.Int64s(7))).Content());
        Assert.AreEqual("int64[4]{10 8 6 4}", new NodeUnderTest("Range").In(Tensor.Int64(10)).In(Tensor.Int64(3)).In(Tensor.Int64(-2)).Content());
        Assert.AreEqual("int64[2,3]{0 1 1 1 0 2}", new NodeUnderTest("NonZero").In(Tensor.Create<int>(DataType.Int32, [2, 3], [0, 5, 0, 1, 0, 6])).Content());
        Assert.AreEqual("int64[1]{24}", new NodeUnderTest("ReduceProd").In(2, 3, 4).Content());
        Assert.AreEqual("int32[2]{3 6}", new NodeUnderTest("ReduceMax").In(s_matrix).In(1).With("keepdims", 0L).Content());
        Assert.AreEqual("int64[3]{9 7 4}", new NodeUnderTest("CumSum").In(2, 3, 4).In(Tensor.Int64(0)).With("reverse", 1L).Content());
        Assert.AreEqual("int64[3]{0 2 5}", new NodeUnderTest("CumSum").In(2, 3, 4).In(Tensor.Int64(0)).With("exclusive", 1L).Content());
    }

    [TestMethod]
    public void An_index_outside_is_refused() =>
        Assert.AreEqual(OnnxErrors.ShapeMismatch, Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Gather").In(1, 2).In(2).Content()).Code);
}
