using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Inference;

[TestClass]
public sealed class TrainingKernelTests
{
    [TestMethod]
    [DataRow("[n,64,32,32]", "[n,128,32,32]", 1, "[128,64,3,3]")]
    [DataRow("[2,64,9,9]", "[2,128,9,9]", 4, "[128,16,3,3]")]
    public void ConvGradWeight_has_the_shape_of_the_weight(string x, string gradient, int group, string expected) =>
        Assert.AreEqual("float32" + expected, Node("ConvGradWeight").In("float32" + x).In("float32" + gradient).With("kernel_shape", [3, 3]).With("group", group).Types());

    [TestMethod]
    public void GroupNormSilu_gives_moments_of_groups() =>
        Assert.AreEqual("float32[n,64,8,8] float32[n,32] float32[n,32]", Node("GroupNormSilu").In("float32[n,64,8,8]").In("float32[64]").In("float32[64]").With("num_groups", 32).Types(3));

    [TestMethod]
    public void GroupNormSiluGrad_has_the_shapes_of_the_inputs() =>
        Assert.AreEqual("float32[2,64,8,8] float32[64] float32[64]", Node("GroupNormSiluGrad").In("float32[2,64,8,8]").In("float32[2,64,8,8]").In("float32[64]").In("float32[64]")
            .In("float32[2,32]").In("float32[2,32]").With("num_groups", 32).Types(3));

    [TestMethod]
    public void SiluGrad_has_the_shape_of_its_input() => Assert.AreEqual("float32[2,3]", Node("SiluGrad").In("float32").In("float32[2,3]").Types());

    [TestMethod]
    public void Nodes_that_do_not_fit_are_errors()
    {
        Assert.Contains("3 groups", Assert.Throws<CompressToolException>(() => Node("ConvGradWeight").In("float32[2,64,8,8]").In("float32[2,64,8,8]").With("kernel_shape", [3, 3]).With("group", 3).Types()).Message);
        Assert.Contains("1 spatial axes", Assert.Throws<CompressToolException>(() => Node("ConvGradWeight").In("float32[2,64,8,8]").In("float32[2,64,8,8]").With("kernel_shape", [3]).Types()).Message);
        Assert.Contains("5 groups", Assert.Throws<CompressToolException>(() => Node("GroupNormSilu").In("float32[2,64,8,8]").In("float32[64]").In("float32[64]").With("num_groups", 5).Types(3)).Message);
        Assert.Contains("does not fit the 64 channels", Assert.Throws<CompressToolException>(() => Node("GroupNormSilu").In("float32[2,64,8,8]").In("float32[32]").In("float32[64]").Types(3)).Message);
    }

    private static NodeUnderTest Node(string opType) => new(opType, domain: "compresstool");
}
