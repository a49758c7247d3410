namespace CompressTool.Onnx.Tests;

internal static class TensorDataExtensions
{
    /// <summary>All bytes.</summary>
    public static byte[] ToBytes(this TensorData data)
    {
        var bytes = new byte[data.Length];
        data.Read(0, bytes);
        return bytes;
    }
}
