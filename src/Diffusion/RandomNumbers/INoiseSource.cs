namespace CompressTool.Diffusion.RandomNumbers;

/// <summary>Where samplers get their noise from.</summary>
public interface INoiseSource
{
    /// <summary>Fills with the next numbers of a standard normal distribution.</summary>
    void FillNormal(Span<float> destination);
}
