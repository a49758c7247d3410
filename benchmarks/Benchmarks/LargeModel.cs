using System.Runtime.InteropServices;

namespace CompressTool.Benchmarks;

/// <summary>Exporter's graphs of public models from the oracles, with deterministic normal values tiled into their weight files.</summary>
internal static class LargeModel
{
    /// <summary>The Stable Diffusion 1.5 U-Net, 3.4 GB.</summary>
    public const string StableDiffusion = "sd15-unet";

    /// <summary>The U-Net of google/ddpm-cifar10-32, 143 MB.</summary>
    public const string Cifar = "ddpm-cifar10-32";

    private const int TileLength = 1_048_573; // a prime, so that no two tensors start alike

    /// <summary>Writes a model into a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">Which.</param>
    /// <returns>Full path of the model; its weights are in a file beside it.</returns>
    /// <exception cref="FileNotFoundException">The graph is not at hand.</exception>
    public static string Create(string folder, string name = StableDiffusion)
    {
        var graph = Oracles.Find("big", name + ".onnx");
        var path = Path.Combine(folder, name + ".onnx");
        (string Weights, long Bytes) file = name == StableDiffusion ? ("weights.pb", 3_438_083_840) : ("ddpm-cifar10-32.weights", 142_965_760);
        File.WriteAllBytes(path, File.ReadAllBytes(graph));

        var random = new Random(7);
        var tile = new float[TileLength];
        for (var i = 0; i < tile.Length; i++)
        {
            tile[i] = (float)(0.03 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        var bytes = MemoryMarshal.AsBytes(tile.AsSpan());
        using var stream = File.Create(Path.Combine(folder, file.Weights));
        for (long written = 0; written < file.Bytes; written += bytes.Length)
        {
            stream.Write(bytes[..(int)Math.Min(bytes.Length, file.Bytes - written)]);
        }

        stream.Flush(flushToDisk: true);
        return path;
    }
}
