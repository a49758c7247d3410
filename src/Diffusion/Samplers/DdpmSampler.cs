using CompressTool.Diffusion.Arithmetic;
using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Samplers;

/// <summary>The variance of the noise in steps of <see cref="DdpmSampler"/>.</summary>
internal enum DdpmVariance
{
    /// <summary>That of the posterior of a known sample.</summary>
    FixedSmall,

    /// <summary>Beta.</summary>
    FixedLarge,

    /// <summary>Predicted by the model.</summary>
    Learned,

    /// <summary>Between the two fixed ones, where the model says (Nichol and Dhariwal 2021, equation 15).</summary>
    LearnedRange,
}

/// <summary>Ancestral sampling (Ho et al. 2020, algorithm 2, in the form of equation 7), also with fewer steps than the training.</summary>
internal sealed class DdpmSampler(NoiseSchedule schedule, double[] timesteps, CleanEstimate estimate, DdpmVariance variance)
    : Sampler(Array.ConvertAll(timesteps, t => (float)t))
{
    private float[] _clean = [];

    public override bool NeedsVariance => variance is DdpmVariance.Learned or DdpmVariance.LearnedRange;

    public override (float OfSample, float OfNoise) MixAt(int step) => schedule.At((long)timesteps[step]);

    private protected override void Reset(int length) => _clean = _clean.Length == length ? _clean : new float[length];

    // In float32 throughout, as PyTorch computes: at the last timesteps the roundings of 1 - alpha and 1 - beta show.
    private protected override void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> predicted)
    {
        var t = (int)timesteps[step];
        var product = schedule.AlphasCumprod[t];
        var before = step + 1 < timesteps.Length ? schedule.AlphasCumprod[(int)timesteps[step + 1]] : 1;
        var alpha = product / before;
        var beta = 1 - alpha;

        estimate.Compute(output, sample, MathF.Sqrt(product), MathF.Sqrt(1 - product), ItemLength, _clean);
        Vectors.Combine(MathF.Sqrt(before) * beta / (1 - product), _clean, MathF.Sqrt(alpha) * (1 - before) / (1 - product), sample, sample);
        if (t > 0)
        {
            AddNoise(sample, Math.Max((1 - before) / (1 - product) * beta, 1e-20f), beta, predicted);
        }
    }

    private void AddNoise(Span<float> sample, float small, float large, ReadOnlySpan<float> predicted)
    {
        var noise = DrawNoise();
        if (variance is DdpmVariance.FixedSmall or DdpmVariance.FixedLarge)
        {
            Vectors.Add(MathF.Sqrt(variance == DdpmVariance.FixedSmall ? small : large), noise, sample);
            return;
        }

        var (least, most) = (MathF.Log(small), MathF.Log(large));
        for (var i = 0; i < sample.Length; i++)
        {
            var share = (predicted[i] + 1) / 2;
            sample[i] += noise[i] * (variance == DdpmVariance.Learned ? MathF.Sqrt(predicted[i]) : MathF.Exp(((share * most) + ((1 - share) * least)) / 2));
        }
    }
}
