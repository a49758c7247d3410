namespace CompressTool.Onnx;

/// <summary>An ONNX model.</summary>
public sealed class Model
{
}
