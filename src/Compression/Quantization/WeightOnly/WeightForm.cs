using CompressTool.Compression.Options;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>The operators that weights in blocks are written for.</summary>
public enum WeightForm
{
    /// <summary>ONNX Runtime's own product.</summary>
    [OptionName("matmulnbits", Description = "ONNX Runtime's operator MatMulNBits.")]
    MatMulNBits,

    /// <summary>The standard's DequantizeLinear in front of a product.</summary>
    [OptionName("qdq", Description = "Standard operators alone, for tools other than ONNX Runtime: DequantizeLinear with blocks in front of MatMul. The model is raised to opset 21. ONNX Runtime makes MatMulNBits of them itself when it loads the model.")]
    Qdq,
}
