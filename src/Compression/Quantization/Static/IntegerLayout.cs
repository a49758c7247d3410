using CompressTool.Runtime;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>How a backend wants a model with QuantizeLinear and DequantizeLinear laid out to compute in integers.</summary>
/// <param name="Activations">The integers of activations.</param>
internal sealed record IntegerLayout(ActivationType Activations)
{
    /// <summary>ONNX Runtime on x64.</summary>
    public static IntegerLayout X64 { get; } = new(ActivationType.UInt8) { Backend = "x64" };

    /// <summary>ONNX Runtime on Arm.</summary>
    public static IntegerLayout Arm64 { get; } = new(ActivationType.Int8) { Backend = "arm64" };

    /// <summary>ONNX Runtime with activations of 16 bits.</summary>
    public static IntegerLayout Int16 { get; } = new(ActivationType.UInt16);

    /// <summary>
    /// TensorRT (its documentation, Working with Quantized Types): integers with sign and zero points of 0 alone; DequantizeLinear of 32-bit
    /// integers is refused; a convolution gives floating-point numbers as well, and what is between layers is for the runtime to choose.
    /// </summary>
    public static IntegerLayout TensorRt { get; } = new(ActivationType.SymmetricInt8) { Backend = "tensorrt", HasIntegerBiases = false, ConvolutionsMakeIntegers = false, HasIntegersBetween = false };

    /// <summary>The word for the backend in recipes and reports; null where there is no choice.</summary>
    public string? Backend { get; private init; }

    /// <summary>Whether biases are 32-bit integers; otherwise they stay as they are.</summary>
    public bool HasIntegerBiases { get; private init; } = true;

    /// <summary>Whether a convolution is computed in integers only where its result becomes integers, too.</summary>
    public bool ConvolutionsMakeIntegers { get; private init; } = true;

    /// <summary>Whether additions, poolings and the like between layers can be computed in integers.</summary>
    public bool HasIntegersBetween { get; private init; } = true;

    /// <summary>The backend of this machine's processor.</summary>
    public static QuantizationBackend Own => CpuCapabilities.Current.Architecture == "arm64" ? QuantizationBackend.Arm64 : QuantizationBackend.X64;

    /// <summary>The layout for a backend.</summary>
    public static IntegerLayout Of(QuantizationBackend backend) => backend switch
    {
        QuantizationBackend.Arm64 => Arm64,
        QuantizationBackend.TensorRt => TensorRt,
        _ => X64,
    };
}
