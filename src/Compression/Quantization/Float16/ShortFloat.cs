using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>A 16-bit floating-point type that a float32 model is converted to.</summary>
/// <param name="Type">The element type.</param>
/// <param name="Suffix">What it is called in the names of values.</param>
/// <param name="Convert">Makes a tensor of a float32 one; computed when it is read.</param>
internal sealed record ShortFloat(DataType Type, string Suffix, Func<Tensor, Tensor> Convert)
{
    /// <summary>float16: 11 bits of precision, up to 65504. Runtimes compute in it, or put Casts around what they cannot.</summary>
    public static ShortFloat Float16 { get; } = new(DataType.Float16, "fp16", HalfTensor.From);

    /// <summary>
    /// bfloat16: 8 bits of precision, the range of float32. ONNX Runtime's CPU provider has kernels only for what moves numbers and for
    /// LayerNormalization, and loads no model with others.
    /// </summary>
    public static ShortFloat BFloat16 { get; } = new(DataType.BFloat16, "bf16", BrainFloatTensor.From);

    /// <summary>Its name as the format knows it.</summary>
    public string Name => Type.DisplayName();
}
