using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Inference;

[TestClass]
public sealed class ProductTests
{
    [TestMethod]
    [DataRow("[2,3]", "[3,4]", "[2,4]")]
    [DataRow("[b,s,3]", "[3,4]", "[b,s,4]")]
    [DataRow("[3]", "[3,4]", "[4]")]
    [DataRow("[2,3]", "[3]", "[2]")]
    [DataRow("[3]", "[3]", "[]")]
    [DataRow("[5,1,2,3]", "[7,3,4]", "[5,7,2,4]")]
    [DataRow("[8*b,s,40]", "[8*b,40,77]", "[8*b,s,77]")]
    public void MatMul_follows_numpy(string a, string b, string expected) =>
        Assert.AreEqual("float32" + expected, new NodeUnderTest("MatMul").In("float32" + a).In("float32" + b).Types());

    [TestMethod]
    public void Inner_sizes_must_agree()
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("MatMul").In("float32[2,3]").In("float32[4,5]").Types());
        Assert.AreEqual("node 'node' (MatMul): the inner sizes of [2,3] and [4,5] differ", error.Message);
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("MatMul").In("float32[]").In("float32[4,5]").Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("MatMul").In("float32[2,4,4]").In("float32[3,4,4]").Types());
    }

    [TestMethod]
    public void Gemm_with_transposes_and_bias()
    {
        Assert.AreEqual("float32[b,4]", new NodeUnderTest("Gemm").In("float32[b,3]").In("float32[4,3]").In("float32[4]").With("transB", 1).Types());
        Assert.AreEqual("float32[2,4]", new NodeUnderTest("Gemm").In("float32[3,2]").In("float32[3,4]").In("float32[2,1]").With("transA", 1).Types());
        Assert.AreEqual("float32[2,4]", new NodeUnderTest("Gemm").In("float32[2,3]").In("float32[3,4]").Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Gemm").In("float32[2,3]").In("float32[4,3]").Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Gemm").In("float32[2,3]").In("float32[3,4]").In("float32[3]").Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Gemm").In("float32[2,3,1]").In("float32[3,4]").Types());
    }

    [TestMethod]
    [DataRow("ij,jk->ik", "[2,3]", "[3,4]", "[2,4]")]
    [DataRow("ij,jk", "[2,3]", "[3,4]", "[2,4]")]
    [DataRow("ba,ca", "[2,3]", "[4,3]", "[2,4]")]
    [DataRow("bi,bj", "[7,3]", "[7,4]", "[3,4]")]
    [DataRow("...ij,...jk->...ik", "[b,8,s,64]", "[b,8,64,t]", "[b,8,s,t]")]
    [DataRow("b i , i -> b", "[2,3]", "[3]", "[2]")]
    [DataRow("a...,b->b...a", "[2,5,6]", "[4]", "[4,5,6,2]")]
    public void Einsum_explicit_and_implicit(string equation, string a, string b, string expected) =>
        Assert.AreEqual("float32" + expected, new NodeUnderTest("Einsum").In("float32" + a).In("float32" + b).With("equation", equation).Types());

    [TestMethod]
    public void Einsum_of_one_and_of_bad_equations()
    {
        Assert.AreEqual("float32[n,c,h,p,w,q]", new NodeUnderTest("Einsum").In("float32[n,h,w,p,q,c]").With("equation", "nhwpqc->nchpwq").Types());
        Assert.AreEqual("float32[3]", new NodeUnderTest("Einsum").In("float32[3,3]").With("equation", "ii->i").Types());
        Assert.AreEqual("float32[]", new NodeUnderTest("Einsum").In("float32[3,3]").With("equation", "ii").Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Einsum").In("float32[3,4]").With("equation", "ijk->ij").Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Einsum").In("float32[3,4]").With("equation", "ij->ik").Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Einsum").In("float32[3,4]").With("equation", "ii->i").Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Einsum").In("float32[3,4]").With("equation", "ij,jk->ik").Types());
    }

    [TestMethod]
    public void Quantized_products()
    {
        Assert.AreEqual("int32[b,4]", new NodeUnderTest("MatMulInteger").In("uint8[b,3]").In("int8[3,4]").Types());
        Assert.AreEqual("uint8[b,4]", new NodeUnderTest("QLinearMatMul").In("uint8[b,3]").In("float32[]").In("uint8[]").In("int8[3,4]").In("float32[]").In("int8[]").In("float32[]").In("uint8[]").Types());
        Assert.AreEqual("float16[b,s,96]", new NodeUnderTest("MatMulNBits", domain: "com.microsoft").In("float16[b,s,64]").In("uint8[96,2,16]").In("float16[192]").With("K", 64L).With("N", 96L).Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("MatMulNBits", domain: "com.microsoft").In("float16[b,s,60]").In("uint8[96,2,16]").In("float16[192]").With("K", 64L).With("N", 96L).Types());
        Assert.AreEqual("float32[b,8,s,t]", new NodeUnderTest("FusedMatMul", domain: "com.microsoft").In("float32[b,8,s,64]").In("float32[b,8,t,64]").With("transB", 1).Types());
        Assert.AreEqual("float32[b,s,t]", new NodeUnderTest("FusedMatMul", domain: "com.microsoft").In("float32[s,b,64]").In("float32[b,64,t]").With("transBatchA", 1).Types());
    }

    [TestMethod]
    public void Attention_in_both_layouts()
    {
        Assert.AreEqual("float32[b,8,s,64]", new NodeUnderTest("Attention", opset: 23).In("float32[b,8,s,40]").In("float32[b,8,t,40]").In("float32[b,8,t,64]").Types());
        Assert.AreEqual("float32[b,s,256] float32[b,2,p + t,32] float32[b,2,p + t,64] float32[b,4,s,p + t]",
            new NodeUnderTest("Attention", opset: 23).In("float32[b,s,128]").In("float32[b,t,64]").In("float32[b,t,128]").Skip().In("float32[b,2,p,32]").In("float32[b,2,p,64]")
                .With("q_num_heads", 4L).With("kv_num_heads", 2L).Types(4));
        Assert.AreEqual("float32[b,s,128] float32[2,b,4,s,32]", new NodeUnderTest("Attention", domain: "com.microsoft").In("float32[b,s,96]").In("float32[96,384]").In("float32[384]").With("num_heads", 4L).Types(2));
        Assert.AreEqual("float32[b,s,128]", new NodeUnderTest("MultiHeadAttention", domain: "com.microsoft").In("float32[b,s,128]").In("float32[b,t,128]").In("float32[b,t,128]").With("num_heads", 4L).Types());
        Assert.AreEqual("float32[b,s,64]", new NodeUnderTest("MultiHeadAttention", domain: "com.microsoft").In("float32[b,s,4,3,16]").With("num_heads", 4L).Types());
        Assert.AreEqual("float32[b,s,128]", new NodeUnderTest("RotaryEmbedding", opset: 23).In("float32[b,s,128]").In("float32[99,16]").In("float32[99,16]").With("num_heads", 4L).Types());
        Assert.ThrowsExactly<CompressToolException>(() => new NodeUnderTest("Attention", opset: 23).In("float32[b,8,s,40]").In("float32[b,8,t,41]").In("float32[b,8,t,64]").Types());
    }

    [TestMethod]
    public void Recurrent_networks()
    {
        Assert.AreEqual("float32[s,2,b,16] float32[2,b,16] float32[2,b,16]",
            new NodeUnderTest("LSTM").In("float32[s,b,8]").In("float32[2,64,8]").In("float32[2,64,16]").With("hidden_size", 16L).With("direction", "bidirectional").Types(3));
        Assert.AreEqual("float32[b,s,1,16] float32[b,1,16]", new NodeUnderTest("GRU").In("float32[b,s,8]").In("float32[1,48,8]").In("float32[1,48,16]").With("layout", 1L).Types(2));
    }
}
