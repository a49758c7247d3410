using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization;

/// <summary>Weights that are computed from others whenever they are read, so that a model that is changed is not in memory.</summary>
internal static class LazyWeights
{
    private const long MaxMemoryBytes = 1 << 20;

    /// <summary>Data that are computed once if they are small, and whenever they are read if they are large.</summary>
    public static TensorData KeepIfSmall(TensorData data)
    {
        if (data.Length > MaxMemoryBytes)
        {
            return data;
        }

        var bytes = new byte[data.Length];
        data.Read(0, bytes);
        return new MemoryData(bytes);
    }
}
