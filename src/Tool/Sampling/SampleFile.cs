using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Tool.Sampling;

/// <summary>The file that samples go to: a grid of pictures (.png), or the numbers themselves (.npy, .safetensors).</summary>
internal sealed class SampleFile
{
    private readonly Action<NdArray, CancellationToken> _write;

    /// <summary>Chooses the format by the name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="columns">Pictures of a row; null for as many as rows.</param>
    /// <param name="enlarge">Pixels on a side of each pixel.</param>
    /// <param name="gap">Pixels between pictures.</param>
    /// <exception cref="CompressToolException">No format has such a name.</exception>
    public SampleFile(string path, int? columns, int enlarge, int gap)
    {
        Path = System.IO.Path.GetFullPath(path);
        var extension = System.IO.Path.GetExtension(path).ToLowerInvariant();
        IsPicture = extension == ".png";
        _write = extension switch
        {
            ".npy" => (samples, cancellation) => NpyFile.Write(Path, samples.ToTensor(), cancellation),
            ".safetensors" => (samples, cancellation) => SafetensorsFile.Write(Path, [new("samples", samples.ToTensor())], cancellationToken: cancellation),
            ".png" => (samples, _) => PictureFile.Write(Path, PictureGrid.Assemble([.. PictureConversion.ToPictures(samples.AsSpan<float>(), samples.Dims).Select(picture => picture.Enlarge(enlarge))], columns, gap)),
            _ => throw new CompressToolException(ToolErrors.InvalidValue, $"samples cannot be written to '{path}': its name must end with .png (a grid of pictures), .npy or .safetensors (the numbers)"),
        };
    }

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary>Whether samples must be pictures.</summary>
    public bool IsPicture { get; }

    /// <summary>Writes samples.</summary>
    public void Write(NdArray samples, CancellationToken cancellationToken)
    {
        if (System.IO.Path.GetDirectoryName(Path) is { Length: > 0 } folder)
        {
            Directory.CreateDirectory(folder);
        }

        _write(samples, cancellationToken);
    }
}
