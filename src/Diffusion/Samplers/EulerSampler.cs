using CompressTool.Diffusion.Arithmetic;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Euler's method (Karras et al. 2022, algorithm 2, without noise), or the same with a part of the noise drawn anew in each step.</summary>
/// <param name="trajectory">Timesteps and noise levels.</param>
/// <param name="scaleOfStart">The standard deviation of the noise that a run starts from.</param>
/// <param name="estimate">The estimate of the clean sample.</param>
/// <param name="ancestral">Whether noise is drawn anew.</param>
internal sealed class EulerSampler(Trajectory trajectory, double scaleOfStart, CleanEstimate estimate, bool ancestral) : UnscaledSampler(trajectory, scaleOfStart)
{
    private float[] _clean = [];

    private protected override void Reset(int length) => _clean = _clean.Length == length ? _clean : new float[length];

    private protected override void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance)
    {
        double level = Levels[step], next = Levels[step + 1];
        var fresh = ancestral ? next * Math.Sqrt((level * level) - (next * next)) / level : 0;
        var kept = Math.Sqrt((next * next) - (fresh * fresh));

        // sample + (kept - level) (sample - clean) / level
        estimate.Compute(output, sample, level, ItemLength, _clean);
        Vectors.Combine((float)(kept / level), sample, (float)(1 - (kept / level)), _clean, sample);
        if (ancestral)
        {
            Vectors.Add((float)fresh, DrawNoise(), sample);
        }
    }
}
