namespace CompressTool.Diffusion.Samplers;

/// <summary>What a sampler needs to know beside a scheduler's configuration.</summary>
public sealed record SamplerSettings
{
    /// <summary>The number of steps.</summary>
    public required int Steps { get; init; }

    /// <summary>The share of noise of DDIM: 0 (the default) for none, 1 for as much as DDPM. Other samplers do not look at it.</summary>
    public double Eta { get; init; }

    /// <summary>The number of tokens of an image, for flow matching whose shift depends on the size of the image; null when not known.</summary>
    public int? SequenceLength { get; init; }
}
