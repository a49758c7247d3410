using CompressTool.Diffusion.Pictures;

namespace CompressTool.Diffusion.Metrics;

/// <summary>How pictures become the input of a model that judges them.</summary>
public sealed record ImageModelOptions
{
    /// <summary>Height and width in pixels; null for those that the model takes, or where it leaves them open the pictures' own.</summary>
    public (int Height, int Width)? Size { get; init; }

    /// <summary>How pictures are scaled.</summary>
    public ResizeFilter Filter { get; init; } = ResizeFilter.Bilinear;

    /// <summary>What is taken off the samples, on a scale of 0 to 1: one number, or one for each channel.</summary>
    public IReadOnlyList<double> Mean { get; init; } = [0.5];

    /// <summary>What they are divided by then; 0.5 with a mean of 0.5 gives -1 to 1.</summary>
    public IReadOnlyList<double> Deviation { get; init; } = [0.5];

    /// <summary>The output that is wanted; null for the only one, or the one called features.</summary>
    public string? Output { get; init; }
}
