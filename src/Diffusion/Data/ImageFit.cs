namespace CompressTool.Diffusion.Data;

/// <summary>How images get the size of a model.</summary>
public enum ImageFit
{
    /// <summary>They are put in the middle of black; larger ones are refused.</summary>
    Pad,

    /// <summary>They are scaled to cover it, and what sticks out is cut off evenly.</summary>
    Cover,

    /// <summary>They are scaled to it, whatever their proportions.</summary>
    Stretch,
}
