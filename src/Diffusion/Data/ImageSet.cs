using CompressTool.Onnx;

namespace CompressTool.Diffusion.Data;

/// <summary>Images of one size, and what is known about them.</summary>
/// <param name="Images">The images: uint8 or floating-point, [N,H,W], [N,H,W,C] or [N,C,H,W]. Those of files are decoded when they are read.</param>
public sealed record ImageSet(Tensor Images)
{
    /// <summary>Number of images.</summary>
    public int Count => checked((int)Images.Dims[0]);

    /// <summary>The class of each image; null when it is not known.</summary>
    public long[]? Labels { get; init; }

    /// <summary>The names of the classes by label; empty when they have none.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>The names of the files, relative to their folder; empty when the images come from one file.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>A description of each image; null when there is none.</summary>
    public IReadOnlyList<string>? Captions { get; init; }
}
