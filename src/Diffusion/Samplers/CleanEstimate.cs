using CompressTool.Diffusion.Arithmetic;
using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Limits of the estimate of the clean sample.</summary>
/// <param name="Range">What its elements are limited to; null for no limit.</param>
/// <param name="DynamicRatio">The share of elements that dynamic thresholding (Saharia et al. 2022) leaves inside the limit; null to do without it.</param>
/// <param name="DynamicMax">The highest limit of dynamic thresholding.</param>
internal sealed record Clipping(float? Range = null, double? DynamicRatio = null, float DynamicMax = 1)
{
    /// <summary>Limits estimates.</summary>
    /// <param name="clean">The estimates of all samples.</param>
    /// <param name="itemLength">The number of elements of each.</param>
    public void Apply(Span<float> clean, int itemLength)
    {
        if (DynamicRatio is { } ratio)
        {
            for (; !clean.IsEmpty; clean = clean[itemLength..])
            {
                var item = clean[..itemLength];
                var limit = Math.Min(Math.Max(Vectors.QuantileOfSizes(item, ratio), 1), DynamicMax);
                Vectors.Clamp(item, limit);
                Vectors.Scale(1 / limit, item, item);
            }
        }
        else if (Range is { } range)
        {
            Vectors.Clamp(clean, range);
        }
    }
}

/// <summary>The estimate of the clean sample that an output of the model means.</summary>
/// <param name="Prediction">What the model predicts.</param>
/// <param name="Clipping">Limits of the estimate.</param>
internal sealed record CleanEstimate(PredictionType Prediction, Clipping Clipping)
{
    /// <summary>Computes the estimate.</summary>
    /// <param name="output">The model's output.</param>
    /// <param name="sample">The noisy sample, alpha clean + sigma noise.</param>
    /// <param name="alpha">The factor of the clean sample.</param>
    /// <param name="sigma">The factor of the noise.</param>
    /// <param name="itemLength">Number of elements of one sample.</param>
    /// <param name="destination">Receives the estimate.</param>
    public void Compute(ReadOnlySpan<float> output, ReadOnlySpan<float> sample, double alpha, double sigma, int itemLength, Span<float> destination)
    {
        Compute(output, sample, Prediction.Clean(alpha, sigma), itemLength, destination);
    }

    /// <summary>Computes the estimate from a sample that is not scaled, clean + level noise.</summary>
    public void Compute(ReadOnlySpan<float> output, ReadOnlySpan<float> sample, double level, int itemLength, Span<float> destination)
    {
        // The sample that the factors are for is this one times alpha.
        var alpha = 1 / Math.Sqrt((level * level) + 1);
        var (ofNoisy, ofOutput) = Prediction.Clean(alpha, level * alpha);
        Compute(output, sample, (ofNoisy * alpha, ofOutput), itemLength, destination);
    }

    private void Compute(ReadOnlySpan<float> output, ReadOnlySpan<float> sample, (double OfNoisy, double OfOutput) factors, int itemLength, Span<float> destination)
    {
        Vectors.Combine((float)factors.OfNoisy, sample, (float)factors.OfOutput, output, destination);
        Clipping.Apply(destination, itemLength);
    }
}
