using CompressTool.Diffusion.Pictures;

namespace CompressTool.Compression.Evaluation.Images;

/// <summary>The grid by which samples are shown.</summary>
public static class SampleGrid
{
    /// <summary>How many samples it shows at most.</summary>
    public const int Shown = Side * Side;

    private const int Side = 8;

    /// <summary>The first samples in a square.</summary>
    /// <param name="pictures">All samples, of one size.</param>
    public static Picture Of(IReadOnlyList<Picture> pictures) => PictureGrid.Assemble([.. pictures.Take(Shown)], Math.Min(Side, (int)Math.Ceiling(Math.Sqrt(pictures.Count))));
}
