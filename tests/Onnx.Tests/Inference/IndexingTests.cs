using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Inference;

[TestClass]
public sealed class IndexingTests
{
    [TestMethod]
    public void Gather_puts_the_indices_in_place_of_the_axis()
    {
        Assert.AreEqual("float32[b,77,768]", new NodeUnderTest("Gather").In("float32[49408,768]").In("int64[b,77]").Types());
        Assert.AreEqual("float32[4]", new NodeUnderTest("Gather").In("float32[4,5]").In(Tensor.Int64(-1)).With("axis", -1).Types());
        Assert.AreEqual("float32[2,3]", new NodeUnderTest("GatherElements").In("float32[5,3]").In("int64[2,3]").Types());
        Assert.AreEqual("float32[2,3,b]", new NodeUnderTest("GatherND").In("float32[8,9,b]").In("int64[2,3,2]").Types());
        Assert.AreEqual("float32[b,6]", new NodeUnderTest("GatherND").In("float32[b,4,6]").In("int64[b,1]").With("batch_dims", 1L).Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Gather").In("float32[4,5]").In("int64[2]").With("axis", 2L).Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("GatherND").In("float32[8]").In("int64[2,3]").Types());
    }

    [TestMethod]
    public void Scatter_keeps_the_shape_of_the_data() =>
        Assert.AreEqual("float32[b,4]", new NodeUnderTest("ScatterND").In("float32[b,4]").In("int64[3,1]").In("float32[3,4]").Types());

    [TestMethod]
    public void OneHot_adds_an_axis()
    {
        Assert.AreEqual("float32[b,3,10]", new NodeUnderTest("OneHot").In("int64[b,3]").In(10).In("float32[2]").Types());
        Assert.AreEqual("float32[b,10,3]", new NodeUnderTest("OneHot").In("int64[b,3]").In(10).In("float32[2]").With("axis", 1L).Types());
    }

    [TestMethod]
    public void TopK_takes_k_from_input_or_attribute()
    {
        Assert.AreEqual("float32[b,5] int64[b,5]", new NodeUnderTest("TopK").In("float32[b,9]").In(5).Types(2));
        Assert.AreEqual("float32[5,9] int64[5,9]", new NodeUnderTest("TopK", opset: 9).In("float32[b,9]").With("axis", 0L).With("k", 5L).Types(2));
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("TopK").In("float32[b,4]").In(5).Types(2));
    }

    [TestMethod]
    public void Counts_that_depend_on_data_are_opaque()
    {
        Assert.AreEqual("int64[2,out0_dim1]", new NodeUnderTest("NonZero").In("float32[b,9]").Types());
        Assert.AreEqual("float32[b,out0_dim1]", new NodeUnderTest("Compress").In("float32[b,9]").In("bool[9]").With("axis", 1L).Types());
        Assert.AreEqual("float32[out0_dim0] int64[out0_dim0] int64[9*b] int64[out0_dim0]", new NodeUnderTest("Unique").In("float32[b,9]").Types(4));
    }

    [TestMethod]
    [DataRow(13, 1, 0, "[b,1,h]")]
    [DataRow(13, 0, 0, "[b,h]")]
    [DataRow(18, 1, 0, "[b,1,h]")]
    public void Reductions_with_axes_as_attribute_or_input(int opset, int keep, int noop, string expected)
    {
        var node = new NodeUnderTest("ReduceMean", opset).In("float32[b,3,h]").With("keepdims", keep).With("noop_with_empty_axes", noop);
        Assert.AreEqual("float32" + expected, (opset < 18 ? node.With("axes", [-2]) : node.In(-2)).Types());
    }

    [TestMethod]
    public void Reductions_without_axes()
    {
        Assert.AreEqual("float32[1,1]", new NodeUnderTest("ReduceSum").In("float32[b,3]").Types());
        Assert.AreEqual("float32[]", new NodeUnderTest("ReduceSum").In("float32[b,3]").With("keepdims", 0L).Types());
        Assert.AreEqual("float32[b,3]", new NodeUnderTest("ReduceSum").In("float32[b,3]").With("noop_with_empty_axes", 1L).Types());
        Assert.AreEqual("float32[1,1]", new NodeUnderTest("ReduceMax").In("float32[b,3]").In().Types());
        Assert.AreEqual("float32[out0_dim0]", new NodeUnderTest("ReduceMin").In("float32[b,3]").In("int64[1]").With("keepdims", 0L).Types());
        Assert.AreEqual("int64[b]", new NodeUnderTest("ArgMax").In("float32[b,3]").With("axis", -1L).With("keepdims", 0L).Types());
    }

    [TestMethod]
    public void Creation_from_shapes_and_numbers()
    {
        Assert.AreEqual("int64[2]", new NodeUnderTest("Shape").In("float32[b,3,h]").With("start", 1L).Types());
        Assert.AreEqual("int64[1]", new NodeUnderTest("Shape").In("float32[b,3,h]").With("start", -2L).With("end", -1L).Types());
        Assert.AreEqual("int64[]", new NodeUnderTest("Size").In("float32[b,3,h]").Types());
        Assert.AreEqual("float32[b,3]", new NodeUnderTest("ConstantOfShape").InShape("b", "3").Types());
        Assert.AreEqual("int64[2]", new NodeUnderTest("ConstantOfShape").In(2).With(Attribute.Tensor("value", Tensor.Int64s(7))).Types());
        Assert.AreEqual("int64[4]", new NodeUnderTest("Range").In(Tensor.Int64(10)).In(Tensor.Int64(3)).In(Tensor.Int64(-2)).Types());
        Assert.AreEqual("float32[4]", new NodeUnderTest("Range").In(Tensor.Float(0)).In(Tensor.Float(1)).In(Tensor.Float(0.3f)).Types());
        Assert.AreEqual("float64[3,b]", new NodeUnderTest("EyeLike").In("float32[3,b]").With("dtype", (long)DataType.Double).Types());
        Assert.AreEqual("float16[2,3]", new NodeUnderTest("RandomNormal").With("shape", [2, 3]).With("dtype", (long)DataType.Float16).Types());
        Assert.AreEqual("float32[3]", new NodeUnderTest("Constant").With(new Attribute("value_floats", AttributeKind.Floats, new float[] { 1, 2, 3 })).Types());
    }

    [TestMethod]
    [DataRow(19, new[] { 1f, 1f, 2f, 2f }, "[b,3,2*h,20]")]
    [DataRow(19, new[] { 1f, 1f, 0.5f, 0.25f }, "[b,3,floor(h/2),2]")]
    [DataRow(10, new[] { 1f, 1f, 2f, 0.3f }, "[b,3,2*h,3]")]
    public void Resize_by_scales(int opset, float[] scales, string expected)
    {
        var node = new NodeUnderTest("Resize", opset).In("float32[b,3,h,10]");
        Assert.AreEqual("float32" + expected, (opset == 10 ? node : node.Skip()).In(Tensor.Floats([4], scales)).Types());
    }

    [TestMethod]
    [DataRow("stretch", new long[] { 7, 30 }, "[1,3,7,30]")]
    [DataRow("not_larger", new long[] { 7, 30 }, "[1,3,7,14]")]
    [DataRow("not_smaller", new long[] { 7, 30 }, "[1,3,15,30]")]
    public void Resize_by_sizes_of_some_axes(string policy, long[] sizes, string expected) =>
        Assert.AreEqual("float32" + expected, new NodeUnderTest("Resize", 18).In("float32[1,3,10,20]").Skip().Skip().In(sizes).With("axes", [-2, -1]).With("keep_aspect_ratio_policy", policy).Types());

    [TestMethod]
    public void Resize_in_its_other_forms()
    {
        Assert.AreEqual("float32[b,3,h,w]", new NodeUnderTest("Resize").In("float32[b,3,9,9]").Skip().Skip().InShape("b", "3", "h", "w").Types());
        Assert.AreEqual("float32[1,1,4,5]", new NodeUnderTest("Resize").In("float32[1,1,8,10]").In(Tensor.Floats([8], 0, 0, 0.25f, 0, 1, 1, 0.75f, 0.5f)).In(Tensor.Floats([4], 1, 1, 1, 1))
            .With("coordinate_transformation_mode", "tf_crop_and_resize").Types());
        Assert.AreEqual("float32[1,3,16,16]", new NodeUnderTest("Upsample", 9).In("float32[1,3,8,8]").In(Tensor.Floats([4], 1, 1, 2, 2)).Types());
        Assert.AreEqual("float32[1,3,16,24]", new NodeUnderTest("Upsample", 7).In("float32[1,3,8,8]").With(new Attribute("scales", AttributeKind.Floats, new float[] { 1, 1, 2, 3 })).Types());
    }
}
