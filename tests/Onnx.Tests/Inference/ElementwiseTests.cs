using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Inference;

[TestClass]
public sealed class ElementwiseTests
{
    [TestMethod]
    [DataRow("[2,3]", "[3]", "[2,3]")]
    [DataRow("[2,1,4]", "[3,1]", "[2,3,4]")]
    [DataRow("[b,1]", "[1,s]", "[b,s]")]
    [DataRow("[b,4]", "[1,4]", "[b,4]")]
    [DataRow("[b]", "[5]", "[5]")]
    [DataRow("[a]", "[b]", "[max(a, b)]")]
    [DataRow("[0,3]", "[1,3]", "[0,3]")]
    [DataRow("[]", "[2,2]", "[2,2]")]
    public void Binary_operators_broadcast(string left, string right, string expected)
    {
        Assert.AreEqual("float32" + expected, new NodeUnderTest("Add").In("float32" + left).In("float32" + right).Types());
        Assert.AreEqual("bool" + expected, new NodeUnderTest("Less").In("float32" + left).In("float32" + right).Types());
    }

    [TestMethod]
    public void Shapes_that_do_not_broadcast_are_refused()
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Mul").In("float32[2,3]").In("float32[2,4]").Types());
        Assert.AreEqual("node 'node' (Mul): the shapes [2,3] and [2,4] do not broadcast", error.Message);
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Add").In("float32[2]").In("float16[2]").Types());
    }

    [TestMethod]
    public void Unknown_inputs_leave_what_can_be_known()
    {
        Assert.AreEqual("float32[...]", new NodeUnderTest("Add").In("float32").In("float32[2]").Types());
        Assert.AreEqual("bool[...]", new NodeUnderTest("Equal").In("float32").In("float32[2]").Types());
        Assert.AreEqual("float32[...]", new NodeUnderTest("Conv").In("float32").In("float32[8,3,3,3]").Types());
        Assert.AreEqual("unknown", new NodeUnderTest("MyOwn", domain: "org.example").In("float32[2]").Types());
    }

    [TestMethod]
    public void Element_types_follow_the_operator()
    {
        Assert.AreEqual("float16[2]", new NodeUnderTest("Cast").In("float32[2]").With("to", (long)DataType.Float16).Types());
        Assert.AreEqual("int8[2]", new NodeUnderTest("CastLike").In("float32[2]").In("int8[7]").Types());
        Assert.AreEqual("float64[4,2]", new NodeUnderTest("Pow").In("float64[4,1]").In("int64[2]").Types());
        Assert.AreEqual("float32[3,2]", new NodeUnderTest("Where").In("bool[3,1]").In("float32[2]").In("float32[]").Types());
        Assert.AreEqual("float32[2] bool[2]", new NodeUnderTest("Dropout").In("float32[2]").Types(2));
        Assert.AreEqual("bool[2]", new NodeUnderTest("IsNaN").In("float32[2]").Types());
        Assert.AreEqual("float32[5,4,3,2]", new NodeUnderTest("Max").In("float32[3,1]").In("float32[5,1,1,2]").In("float32[4,1,1]").Types());
    }

    [TestMethod]
    public void Normalisations_check_their_parameters()
    {
        Assert.AreEqual("float32[b,8,4]", new NodeUnderTest("InstanceNormalization").In("float32[b,8,4]").In("float32[8]").In("float32[8]").Types());
        Assert.AreEqual("float32[b,8,4]", new NodeUnderTest("GroupNormalization").In("float32[b,8,4]").In("float32[8]").In("float32[8]").With("num_groups", 4).Types());
        Assert.AreEqual("float32[b,8,4]", new NodeUnderTest("GroupNormalization", opset: 18).In("float32[b,8,4]").In("float32[4]").In("float32[4]").With("num_groups", 4).Types());
        Assert.AreEqual("float16[b,s,8] float32[b,1,1] float32[b,1,1]", new NodeUnderTest("LayerNormalization").In("float16[b,s,8]").In("float16[8]").In("float16[8]").With("axis", 1).Types(3));
        Assert.AreEqual("float32[b,s,8]", new NodeUnderTest("RMSNormalization", opset: 23).In("float32[b,s,8]").In("float32[8]").Types());
        Assert.AreEqual("float32[b,8,4]", new NodeUnderTest("BatchNormalization").In("float32[b,8,4]").In("float32[8]").In("float32[8]").In("float32[8]").In("float32[8]").Types());
        Assert.AreEqual("float32[b,s,8] float32[b,s,1] float32[b,s,1] float32[b,s,8]",
            new NodeUnderTest("SkipLayerNormalization", domain: "com.microsoft").In("float32[b,s,8]").In("float32[b,s,8]").In("float32[8]").Types(4));
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("InstanceNormalization").In("float32[b,8,4]").In("float32[7]").In("float32[8]").Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("LayerNormalization").In("float32[b,s,8]").In("float32[6]").Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("GroupNormalization").In("float32[b,9,4]").In("float32[9]").In("float32[9]").With("num_groups", 4).Types());
    }

    [TestMethod]
    public void Quantization_takes_types_from_zero_point_scale_or_attribute()
    {
        Assert.AreEqual("uint8[2,3]", new NodeUnderTest("QuantizeLinear").In("float32[2,3]").In("float32[]").Types());
        Assert.AreEqual("int8[2,3]", new NodeUnderTest("QuantizeLinear").In("float32[2,3]").In("float32[3]").In("int8[3]").Types());
        Assert.AreEqual("int4[2,3]", new NodeUnderTest("QuantizeLinear").In("float32[2,3]").In("float32[]").With("output_dtype", (long)DataType.Int4).Types());
        Assert.AreEqual("float16[2,3]", new NodeUnderTest("DequantizeLinear").In("int8[2,3]").In("float16[2]").With("axis", 0).Types());
        Assert.AreEqual("uint8[2,3] float32[] uint8[]", new NodeUnderTest("DynamicQuantizeLinear").In("float32[2,3]").Types(3));
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("DequantizeLinear").In("int8[2,3]").In("float32[2]").Types());
    }
}
