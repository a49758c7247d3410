using CompressTool.Diffusion.Arithmetic;
using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Samplers;

/// <summary>A sampler that integrates over lambda, the logarithm of alpha / sigma, where the solution is almost a polynomial (Lu et al. 2022).</summary>
internal abstract class LogSnrSampler : Sampler
{
    /// <summary>Sets up the places of the trajectory.</summary>
    /// <param name="trajectory">Timesteps and noise levels.</param>
    /// <param name="flow">Whether levels are shares of noise, sigma itself, instead of sigma / alpha.</param>
    protected LogSnrSampler(Trajectory trajectory, bool flow)
        : base(trajectory.Timesteps)
    {
        Places = Array.ConvertAll(trajectory.Levels, level =>
        {
            var alpha = flow ? 1 - level : 1 / Math.Sqrt((level * level) + 1);
            var sigma = flow ? level : level * alpha;
            return new Place(alpha, sigma, Math.Log(alpha / sigma));
        });
    }

    /// <summary>Where each step starts, and where the last one ends. Lambda is infinite where there is no noise.</summary>
    protected Place[] Places { get; }

    protected int Last => Timesteps.Count - 1;

    public override (float OfSample, float OfNoise) MixAt(int step) => ((float)Places[step].Alpha, (float)Places[step].Sigma);

    /// <summary>The clean sample, or the noise, that the output of a step means.</summary>
    protected void Estimate(CleanEstimate estimate, bool ofData, int step, ReadOnlySpan<float> output, ReadOnlySpan<float> sample, Span<float> destination)
    {
        var (alpha, sigma, _) = Places[step];
        if (ofData)
        {
            estimate.Compute(output, sample, alpha, sigma, ItemLength, destination);
        }
        else if (estimate.Clipping.DynamicRatio is not null)
        {
            estimate.Compute(output, sample, alpha, sigma, ItemLength, destination);
            Vectors.Combine((float)(1 / sigma), sample, (float)(-alpha / sigma), destination, destination);
        }
        else
        {
            var (ofNoisy, ofOutput) = estimate.Prediction.Noise(alpha, sigma);
            Vectors.Combine((float)ofNoisy, sample, (float)ofOutput, output, destination);
        }
    }

    /// <summary>A place of a trajectory.</summary>
    protected readonly record struct Place(double Alpha, double Sigma, double Lambda);
}
