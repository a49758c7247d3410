using CompressTool.Diffusion.Arithmetic;
using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Denoising diffusion implicit models (Song et al. 2021, equation 12).</summary>
/// <param name="schedule">The noise schedule.</param>
/// <param name="timesteps">The timesteps.</param>
/// <param name="stride">How far every step goes back; the next timestep of <paramref name="timesteps"/> may be another.</param>
/// <param name="finalProduct">The product of alphas behind the first timestep.</param>
/// <param name="estimate">The estimate of the clean sample.</param>
/// <param name="eta">The share of noise: 0 for none, 1 for as much as DDPM.</param>
internal sealed class DdimSampler(NoiseSchedule schedule, double[] timesteps, int stride, float finalProduct, CleanEstimate estimate, double eta)
    : Sampler(Array.ConvertAll(timesteps, t => (float)t))
{
    private float[] _clean = [];

    public override (float OfSample, float OfNoise) MixAt(int step) => schedule.At((long)timesteps[step]);

    private protected override void Reset(int length) => _clean = _clean.Length == length ? _clean : new float[length];

    private protected override void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance)
    {
        var t = (int)timesteps[step];
        double product = schedule.AlphasCumprod[t], before = t >= stride ? schedule.AlphasCumprod[t - stride] : finalProduct;
        double alpha = Math.Sqrt(product), sigma = Math.Sqrt(1 - product);
        var spread = eta * Math.Sqrt((1 - before) / (1 - product) * (1 - (product / before)));
        var direction = Math.Sqrt(Math.Max(1 - before - (spread * spread), 0));

        // The noise comes from the output, not from a clean sample that has been limited.
        estimate.Compute(output, sample, alpha, sigma, ItemLength, _clean);
        var (ofNoisy, ofOutput) = estimate.Prediction.Noise(alpha, sigma);
        Vectors.Combine((float)(direction * ofNoisy), sample, (float)(direction * ofOutput), output, sample);
        Vectors.Add((float)Math.Sqrt(before), _clean, sample);
        if (eta > 0)
        {
            Vectors.Add((float)spread, DrawNoise(), sample);
        }
    }
}
