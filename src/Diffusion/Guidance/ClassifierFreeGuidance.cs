using CompressTool.Diffusion.Arithmetic;

namespace CompressTool.Diffusion.Guidance;

/// <summary>
/// Classifier-free guidance (Ho and Salimans 2022): away from what the model predicts without the condition,
/// <c>without + scale (with - without)</c>, perhaps with its deviation brought back towards that of the prediction with the
/// condition (Lin et al. 2024, section 3.4).
/// </summary>
/// <param name="Scale">How far: 1 is the prediction with the condition, more is beyond it.</param>
/// <param name="Rescale">The share of the prediction of the right deviation, from 0 to 1; 0.7 is usual where it is wanted.</param>
public sealed record ClassifierFreeGuidance(double Scale, double Rescale = 0)
{
    /// <summary>Whether predictions without the condition are needed at all.</summary>
    public bool IsActive => Scale != 1;

    /// <summary>The guided prediction.</summary>
    /// <param name="without">The predictions without the condition.</param>
    /// <param name="with">The predictions with the condition.</param>
    /// <param name="itemLength">The number of elements of the prediction for one sample.</param>
    /// <param name="destination">Receives the guided predictions; may be one of the others, but not <paramref name="with"/> when there is rescaling.</param>
    public void Apply(ReadOnlySpan<float> without, ReadOnlySpan<float> with, int itemLength, Span<float> destination)
    {
        Vectors.Combine((float)(1 - Scale), without, (float)Scale, with, destination);
        if (Rescale == 0)
        {
            return;
        }

        for (var start = 0; start < destination.Length; start += itemLength)
        {
            var guided = destination.Slice(start, itemLength);
            var deviation = Vectors.Deviation(guided);
            var factor = deviation > 0 ? (Rescale * Vectors.Deviation(with.Slice(start, itemLength)) / deviation) + 1 - Rescale : 1;
            Vectors.Scale((float)factor, guided, guided);
        }
    }
}
