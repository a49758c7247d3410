using CompressTool.Diffusion.Arithmetic;
using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Sampling of latent consistency models (Luo et al. 2023, algorithm 3): every output is a clean sample, and noise is added again but for the last.</summary>
/// <param name="schedule">The noise schedule.</param>
/// <param name="timesteps">The timesteps.</param>
/// <param name="estimate">The estimate of the clean sample.</param>
/// <param name="timestepScaling">What timesteps are multiplied by in the boundary condition.</param>
internal sealed class LcmSampler(NoiseSchedule schedule, double[] timesteps, CleanEstimate estimate, double timestepScaling)
    : Sampler(Array.ConvertAll(timesteps, t => (float)t))
{
    private const double DataDeviation = 0.5;

    private float[] _clean = [];

    public override (float OfSample, float OfNoise) MixAt(int step) => schedule.At((long)timesteps[step]);

    /// <summary>The factors of noisy sample and estimate that make the model exact at timestep 0.</summary>
    public (double OfNoisy, double OfClean) Boundary(double timestep)
    {
        var (time, data) = (timestep * timestepScaling, DataDeviation * DataDeviation);
        return (data / ((time * time) + data), time / Math.Sqrt((time * time) + data));
    }

    private protected override void Reset(int length) => _clean = _clean.Length == length ? _clean : new float[length];

    private protected override void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance)
    {
        var (alpha, sigma) = schedule.At((long)timesteps[step]);
        var (ofNoisy, ofClean) = Boundary(timesteps[step]);
        estimate.Compute(output, sample, alpha, sigma, ItemLength, _clean);
        Vectors.Combine((float)ofNoisy, sample, (float)ofClean, _clean, sample);
        if (step + 1 < timesteps.Length)
        {
            var (nextAlpha, nextSigma) = schedule.At((long)timesteps[step + 1]);
            Vectors.Combine(nextAlpha, sample, nextSigma, DrawNoise(), sample);
        }
    }
}
