using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Inference;

[TestClass]
public sealed class ConvolutionTests
{
    [TestMethod]
    [DataRow("[1,3,32,32]", "[8,3,3,3]", 1, 1, 1, "[1,8,32,32]")]
    [DataRow("[1,3,33,32]", "[8,3,3,3]", 2, 1, 1, "[1,8,17,16]")]
    [DataRow("[1,3,32,32]", "[8,3,3,3]", 1, 0, 2, "[1,8,28,28]")]
    [DataRow("[batch,3,height,32]", "[8,3,3,3]", 2, 1, 1, "[batch,8,floor((height + 1)/2),16]")]
    [DataRow("[batch,3,?,7]", "[8,3,1,1]", 1, 0, 1, "[batch,8,in0_dim2,7]")]
    public void Conv_counts_windows(string x, string weight, int stride, int pad, int dilation, string expected) =>
        Assert.AreEqual("float32" + expected, new NodeUnderTest("Conv").In("float32" + x).In("float32" + weight)
            .With("strides", [stride, stride]).With("pads", [pad, pad, pad, pad]).With("dilations", [dilation, dilation]).Types());

    [TestMethod]
    [DataRow("SAME_UPPER", 2, "[1,8,4,3]")]
    [DataRow("SAME_LOWER", 3, "[1,8,3,2]")]
    [DataRow("VALID", 2, "[1,8,3,2]")]
    [DataRow("NOTSET", 2, "[1,8,3,2]")]
    public void Conv_with_auto_pad(string mode, int stride, string expected) =>
        Assert.AreEqual("float32" + expected, new NodeUnderTest("Conv").In("float32[1,3,7,5]").In("float32[8,3,3,3]").With("auto_pad", mode).With("strides", [stride, stride]).Types());

    [TestMethod]
    public void Conv_of_other_ranks_and_groups()
    {
        Assert.AreEqual("float32[2,6,9]", new NodeUnderTest("Conv").In("float32[2,4,10]").In("float32[6,2,2]").With("group", 2).Types());
        Assert.AreEqual("float32[1,1,2,3,4]", new NodeUnderTest("Conv").In("float32[1,1,4,5,6]").In("float32[1,1,3,3,3]").Types());
        Assert.AreEqual("int32[1,8,5,5]", new NodeUnderTest("ConvInteger").In("uint8[1,3,7,7]").In("int8[8,3,3,3]").Types());
    }

    [TestMethod]
    public void ConvTranspose_turns_sizes_around()
    {
        static NodeUnderTest Case() => new NodeUnderTest("ConvTranspose").In("float32[n,4,5,w]").In("float32[4,3,3,3]");
        Assert.AreEqual("float32[n,3,7,w + 2]", Case().Types());
        Assert.AreEqual("float32[n,3,10,2*w]", Case().With("strides", [2, 2]).With("pads", [1, 1, 1, 1]).With("output_padding", [1, 1]).Types());
        Assert.AreEqual("float32[n,6,10,2*w]", Case().With("strides", [2, 2]).With("group", 2).With("auto_pad", "SAME_UPPER").Types());
        Assert.AreEqual("float32[n,3,12,13]", Case().With("strides", [2, 2]).With("output_shape", [12, 13]).Types());
    }

    [TestMethod]
    [DataRow(0, "[1,2,3,3]")]
    [DataRow(1, "[1,2,4,4]")]
    public void MaxPool_with_ceil_mode(int ceil, string expected) =>
        Assert.AreEqual($"float32{expected} int64{expected}", new NodeUnderTest("MaxPool").In("float32[1,2,8,8]").With("kernel_shape", [3, 3]).With("strides", [2, 2]).With("ceil_mode", ceil).Types(2));

    [TestMethod]
    public void Pooling_ignores_windows_that_start_behind_the_input()
    {
        // 5 + 2 pads - 1 = 6; rounded up there would be 4 windows at 0, 2, 4, 6, the last one starting behind position 5.
        Assert.AreEqual("float32[1,1,3]", new NodeUnderTest("AveragePool").In("float32[1,1,5]").With("kernel_shape", [1]).With("strides", [2]).With("pads", [0, 2]).With("ceil_mode", 1).Types());
        Assert.AreEqual("float32[1,1,w]", new NodeUnderTest("MaxPool").In("float32[1,1,w]").With("kernel_shape", [3]).With("pads", [1, 1]).Types());
    }

    [TestMethod]
    public void Global_pooling_leaves_one_element() =>
        Assert.AreEqual("float32[b,7,1,1]", new NodeUnderTest("GlobalAveragePool").In("float32[b,7,h,w]").Types());

    [TestMethod]
    public void Quantized_convolution_takes_the_type_of_the_output_zero_point()
    {
        var node = new NodeUnderTest("QLinearConv").In("uint8[1,3,8,8]").In("float32[]").In("uint8[]").In("int8[4,3,3,3]").In("float32[4]").In("int8[4]").In("float32[]").In("int8[]").In("int32[4]");
        Assert.AreEqual("int8[1,4,6,6]", node.Types());
    }

    [TestMethod]
    public void Nhwc_convolution_keeps_channels_last() =>
        Assert.AreEqual("float16[1,4,4,16]", new NodeUnderTest("NhwcConv", domain: "com.microsoft").In("float16[1,8,8,3]").In("float16[16,3,3,3]").With("pads", [1, 1, 1, 1]).With("strides", [2, 2]).Types());

    [TestMethod]
    [DataRow("[1,4,8,8]", "[8,3,3,3]", "[8]", "its input [1,4,8,8] has 4 channels, its weight [8,3,3,3] with group 1 wants 3")]
    [DataRow("[1,3,8]", "[8,3,3,3]", "[8]", "its input [1,3,8] and its weight [8,3,3,3] have different numbers of dimensions")]
    [DataRow("[1,3,8,8]", "[8,3,3,3]", "[7]", "its bias [7] does not fit its weight [8,3,3,3]")]
    [DataRow("[1,3,2,8]", "[8,3,3,3]", "[8]", "its window of 3 does not fit into axis 2 of its input [1,3,2,8]")]
    public void Contradictions_name_node_and_shapes(string x, string weight, string bias, string part)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Conv").In("float32" + x).In("float32" + weight).In("float32" + bias).Types());
        Assert.AreEqual(OnnxErrors.ShapeMismatch, error.Code);
        StringAssert.Contains(error.Message, "node 'node' (Conv)");
        StringAssert.Contains(error.Message, part);
    }
}
