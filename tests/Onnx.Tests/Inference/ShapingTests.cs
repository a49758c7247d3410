using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Inference;

[TestClass]
public sealed class ShapingTests
{
    [TestMethod]
    [DataRow("[2,3,4]", new long[] { 0, -1 }, 0, "[2,12]")]
    [DataRow("[2,3,4]", new long[] { -1 }, 0, "[24]")]
    [DataRow("[2,3,4]", new long[] { 4, 0, -1 }, 0, "[4,3,2]")]
    [DataRow("[0,3,4]", new long[] { 3, 0 }, 1, "[3,0]")]
    [DataRow("[1]", new long[] { }, 0, "[]")]
    [DataRow("[batch,320,h,w]", new long[] { 0, 32, -1 }, 0, "[batch,32,10*h*w]")]
    [DataRow("[8*batch,77,40]", new long[] { -1, 8, 77, 40 }, 0, "[batch,8,77,40]")]
    [DataRow("[2*batch + 2,3]", new long[] { 2, -1 }, 0, "[2,3*batch + 3]")]
    [DataRow("[batch,3]", new long[] { 2, -1 }, 0, "[2,out0_dim1]")]
    public void Reshape_to_numbers(string x, long[] target, int allowZero, string expected) =>
        Assert.AreEqual("float32" + expected, new NodeUnderTest("Reshape").In("float32" + x).In(target).With("allowzero", allowZero).Types());

    [TestMethod]
    public void Reshape_to_symbols()
    {
        Assert.AreEqual("float32[batch,h*w,64]", new NodeUnderTest("Reshape").In("float32[batch,h,w,64]").InShape("batch", "h*w", "64").Types());
        Assert.AreEqual("float32[out0_dim0,out0_dim1]", new NodeUnderTest("Reshape").In("float32[2,3]").In("int64[2]").Types());
        Assert.AreEqual("float32[...]", new NodeUnderTest("Reshape").In("float32[2,3]").In("int64[?]").Types().Replace("out0_dim0", "...", StringComparison.Ordinal));
    }

    [TestMethod]
    [DataRow("[2,3]", new long[] { 4, 2 })]
    [DataRow("[2,3]", new long[] { 4, -1 })]
    [DataRow("[2,3]", new long[] { 2, 3, 0 })]
    [DataRow("[2,3]", new long[] { -2, 3 })]
    public void Reshape_that_does_not_fit_is_refused(string x, long[] target) =>
        Assert.AreEqual(OnnxErrors.ShapeMismatch, Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Reshape").In("float32" + x).In(target).Types()).Code);

    [TestMethod]
    [DataRow(1, "[2,3*n]")]
    [DataRow(0, "[1,6*n]")]
    [DataRow(-1, "[6,n]")]
    [DataRow(3, "[6*n,1]")]
    public void Flatten_splits_at_an_axis(int axis, string expected) =>
        Assert.AreEqual("float32" + expected, new NodeUnderTest("Flatten").In("float32[2,3,n]").With("axis", axis).Types());

    [TestMethod]
    public void Squeeze_and_unsqueeze_take_axes_from_input_or_attribute()
    {
        Assert.AreEqual("float32[3,n]", new NodeUnderTest("Squeeze").In("float32[1,3,1,n]").In(0, -2).Types());
        Assert.AreEqual("float32[3,n]", new NodeUnderTest("Squeeze").In("float32[1,3,1,n]").Types());
        Assert.AreEqual("float32[3,1,n]", new NodeUnderTest("Squeeze", opset: 11).In("float32[1,3,1,n]").With("axes", [0]).Types());
        Assert.AreEqual("float32[1,3,n,1]", new NodeUnderTest("Unsqueeze").In("float32[3,n]").In(-1, 0).Types());
        Assert.AreEqual("float32[3,1,n]", new NodeUnderTest("Unsqueeze", opset: 11).In("float32[3,n]").With("axes", [1]).Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Squeeze").In("float32[2,3]").In(0).Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Unsqueeze").In("float32[2,3]").In(1, 1).Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Unsqueeze").In("float32[2,3]").In(4).Types());
    }

    [TestMethod]
    public void Transpose_reverses_without_permutation()
    {
        Assert.AreEqual("float32[4,b,2]", new NodeUnderTest("Transpose").In("float32[2,b,4]").Types());
        Assert.AreEqual("float32[2,4,b]", new NodeUnderTest("Transpose").In("float32[2,b,4]").With("perm", [0, 2, 1]).Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Transpose").In("float32[2,b,4]").With("perm", [0, 1]).Types());
    }

    [TestMethod]
    public void Depth_and_space_change_places()
    {
        Assert.AreEqual("float32[n,3,8,2*w]", new NodeUnderTest("DepthToSpace").In("float32[n,12,4,w]").With("blocksize", 2).Types());
        Assert.AreEqual("float32[n,12,2,4]", new NodeUnderTest("SpaceToDepth").In("float32[n,3,4,8]").With("blocksize", 2).Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("DepthToSpace").In("float32[n,6,4,4]").With("blocksize", 2).Types());
    }

    [TestMethod]
    [DataRow("[10]", new long[] { 2 }, new long[] { 5 }, new long[] { 1 }, "[3]")]
    [DataRow("[10]", new long[] { -3 }, new long[] { long.MaxValue }, new long[] { 1 }, "[3]")]
    [DataRow("[10]", new long[] { 20 }, new long[] { 30 }, new long[] { 1 }, "[0]")]
    [DataRow("[10]", new long[] { 0 }, new long[] { -1 }, new long[] { 2 }, "[5]")]
    [DataRow("[10]", new long[] { -1 }, new long[] { long.MinValue }, new long[] { -1 }, "[10]")]
    [DataRow("[10]", new long[] { 8 }, new long[] { 2 }, new long[] { -3 }, "[2]")]
    [DataRow("[10]", new long[] { 100 }, new long[] { -100 }, new long[] { -4 }, "[3]")]
    [DataRow("[10]", new long[] { 3 }, new long[] { 8 }, new long[] { -1 }, "[0]")]
    [DataRow("[2]", new long[] { -3 }, new long[] { -6 }, new long[] { -1 }, "[1]")]
    [DataRow("[5]", new long[] { -3 }, new long[] { int.MaxValue }, new long[] { -1 }, "[3]")]
    [DataRow("[0]", new long[] { -1 }, new long[] { long.MinValue }, new long[] { -1 }, "[0]")]
    [DataRow("[n]", new long[] { 0 }, new long[] { int.MaxValue }, new long[] { 1 }, "[n]")]
    [DataRow("[n]", new long[] { 1 }, new long[] { int.MaxValue }, new long[] { 1 }, "[n - 1]")]
    [DataRow("[n]", new long[] { 3 }, new long[] { int.MaxValue }, new long[] { 1 }, "[max(0, n - 3)]")]
    [DataRow("[n]", new long[] { 0 }, new long[] { -1 }, new long[] { 1 }, "[n - 1]")]
    [DataRow("[n]", new long[] { 0 }, new long[] { 77 }, new long[] { 1 }, "[min(77, n)]")]
    [DataRow("[n]", new long[] { -1 }, new long[] { long.MinValue }, new long[] { -1 }, "[n]")]
    [DataRow("[n]", new long[] { 0 }, new long[] { int.MaxValue }, new long[] { 2 }, "[floor((n + 1)/2)]")]
    public void Slice_clamps_and_steps(string x, long[] start, long[] end, long[] step, string expected) =>
        Assert.AreEqual("float32" + expected, new NodeUnderTest("Slice").In("float32" + x).In(start).In(end).In(0).In(step).Types());

    [TestMethod]
    public void Slice_in_its_other_forms()
    {
        Assert.AreEqual("float32[2,3,n]", new NodeUnderTest("Slice", opset: 9).In("float32[4,5,n]").With("starts", [0, 2]).With("ends", [2, 9]).Types());
        Assert.AreEqual("float32[4,2,n]", new NodeUnderTest("Slice").In("float32[4,5,n]").In(1).In(3).In(-2).Types());
        Assert.AreEqual("float32[out0_dim0,5,n]", new NodeUnderTest("Slice").In("float32[4,5,n]").In("int64[1]").In(3).In(0).Types());
        Assert.AreEqual("float32[4,s,n]", new NodeUnderTest("Slice").In("float32[4,s + 5,n]").In(0).InShape("s").In(1).Types());
    }

    [TestMethod]
    public void Concat_adds_one_axis_and_matches_the_others()
    {
        Assert.AreEqual("float32[b,8,h]", new NodeUnderTest("Concat").In("float32[b,3,h]").In("float32[b,5,h]").With("axis", -2).Types());
        Assert.AreEqual("float32[2*b + 1,4]", new NodeUnderTest("Concat").In("float32[b,4]").In("float32[b + 1,x]").With("axis", 0).Types());
        StringAssert.Contains(Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Concat").In("float32[1,3,4]").In("float32[1,3,5]").With("axis", 1).Types()).Message, "[1,3,5]");
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Concat").In("float32[1,3]").In("int64[1,3]").With("axis", 1).Types());
    }

    [TestMethod]
    public void Split_by_sizes_by_count_and_evenly()
    {
        Assert.AreEqual("float32[2,b] float32[5,b]", new NodeUnderTest("Split").In("float32[7,b]").In(2, 5).Types(2));
        Assert.AreEqual("float32[3,b] float32[3,b] float32[1,b]", new NodeUnderTest("Split").In("float32[7,b]").With("num_outputs", 3).Types(3));
        Assert.AreEqual("float32[7,b] float32[7,b]", new NodeUnderTest("Split", opset: 13).In("float32[7,2*b]").With("axis", 1).Types(2));
        Assert.AreEqual("float32[1] float32[3]", new NodeUnderTest("Split", opset: 11).In("float32[4]").With("split", [1, 3]).Types(2));
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Split").In("float32[7]").In(2, 4).Types(2));
    }

    [TestMethod]
    public void Expand_broadcasts_both_ways()
    {
        Assert.AreEqual("float32[2,3,4]", new NodeUnderTest("Expand").In("float32[3,1]").In(2, 1, 4).Types());
        Assert.AreEqual("float32[b,3]", new NodeUnderTest("Expand").In("float32[1,3]").InShape("b", "1").Types());
    }

    [TestMethod]
    public void Tile_and_pad_grow_axes()
    {
        Assert.AreEqual("float32[2*b,6]", new NodeUnderTest("Tile").In("float32[b,2]").In(2, 3).Types());
        Assert.AreEqual("float32[1,3,h + 1,9]", new NodeUnderTest("Pad").In("float32[1,3,h,8]").In(0, 0, 0, 0, 0, 0, 1, 1).Types());
        Assert.AreEqual("float32[1,3,h,13]", new NodeUnderTest("Pad").In("float32[1,3,h,8]").In(2, 3).Skip().In(-1).Types());
        Assert.AreEqual("float32[7]", new NodeUnderTest("Pad", opset: 2).In("float32[4]").With("pads", [1, 2]).Types());
        Assert.AreEqual("float32[2]", new NodeUnderTest("Pad").In("float32[4]").In(-1, -1).Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Pad").In("float32[1,3]").In(1, 1).Types());
    }
}
