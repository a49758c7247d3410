using System.Runtime.InteropServices;

namespace CompressTool.Benchmarks;

/// <summary>
/// The Stable Diffusion 1.5 U-Net with weights of the right size: the exporter's graph from the oracles, and
/// deterministic normal values tiled into its weight file (3.4 GB).
/// </summary>
internal static class LargeModel
{
    private const long WeightBytes = 3_438_083_840;
    private const int TileLength = 1_048_573; // a prime, so that no two tensors start alike

    /// <summary>Writes the model into a folder.</summary>
    /// <returns>Full path of the model; its weights are in weights.pb beside it.</returns>
    /// <exception cref="FileNotFoundException">The graph is not at hand.</exception>
    public static string Create(string folder)
    {
        var graph = Oracles.Find("big", "sd15-unet.onnx");
        var path = Path.Combine(folder, "sd15-unet.onnx");
        File.WriteAllBytes(path, File.ReadAllBytes(graph));

        var random = new Random(7);
        var tile = new float[TileLength];
        for (var i = 0; i < tile.Length; i++)
        {
            tile[i] = (float)(0.03 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        var bytes = MemoryMarshal.AsBytes(tile.AsSpan());
        using var stream = File.Create(Path.Combine(folder, "weights.pb"));
        for (long written = 0; written < WeightBytes; written += bytes.Length)
        {
            stream.Write(bytes[..(int)Math.Min(bytes.Length, WeightBytes - written)]);
        }

        stream.Flush(flushToDisk: true);
        return path;
    }
}
