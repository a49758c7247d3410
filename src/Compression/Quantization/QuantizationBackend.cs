using CompressTool.Compression.Options;

namespace CompressTool.Compression.Quantization;

/// <summary>What a model with integers is made for.</summary>
public enum QuantizationBackend
{
    /// <summary>ONNX Runtime on x64 processors.</summary>
    [OptionName("x64", Description = "ONNX Runtime on x64 processors: activations without sign.")]
    X64,

    /// <summary>ONNX Runtime on Arm processors.</summary>
    [OptionName("arm64", Description = "ONNX Runtime on Arm processors: activations with sign.")]
    Arm64,

    /// <summary>TensorRT.</summary>
    [OptionName("tensorrt", Description = "TensorRT on NVIDIA GPUs, alone or as ONNX Runtime's provider: activations with sign and zero in the middle, biases in floating point, results of layers as integers only where layers alone read them.")]
    TensorRt,
}
