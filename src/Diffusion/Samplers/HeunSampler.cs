using CompressTool.Diffusion.Arithmetic;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Heun's method (Karras et al. 2022, algorithm 2, without noise): the slope is the mean of those at both ends, so all levels but the first are visited twice.</summary>
/// <param name="trajectory">Timesteps and noise levels, each once.</param>
/// <param name="scaleOfStart">The standard deviation of the noise that a run starts from.</param>
/// <param name="estimate">The estimate of the clean sample.</param>
internal sealed class HeunSampler(Trajectory trajectory, double scaleOfStart, CleanEstimate estimate) : UnscaledSampler(Twice(trajectory), scaleOfStart)
{
    private float[] _clean = [], _slope = [], _start = [];
    private bool _halfDone;

    private protected override void Reset(int length)
    {
        _halfDone = false;
        (_clean, _slope, _start) = _clean.Length == length ? (_clean, _slope, _start) : (new float[length], new float[length], new float[length]);
    }

    private protected override void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance)
    {
        var level = Levels[step];
        var inverse = (float)(1 / level);
        estimate.Compute(output, sample, level, ItemLength, _clean);
        if (!_halfDone)
        {
            var next = Levels[step + 1];
            sample.CopyTo(_start);
            Vectors.Combine(inverse, sample, -inverse, _clean, _slope);
            Vectors.Add((float)(next - level), _slope, sample);
            _halfDone = next > 0;
        }
        else
        {
            var half = (float)((level - Levels[step - 1]) / 2);
            Vectors.Combine(half * inverse, sample, -half * inverse, _clean, sample);
            Vectors.Add(half, _slope, sample);
            Vectors.Add(1, _start, sample);
            _halfDone = false;
        }
    }

    private static Trajectory Twice(Trajectory trajectory) => new(
        [trajectory.Timesteps[0], .. trajectory.Timesteps[1..].SelectMany(t => new[] { t, t })],
        [trajectory.Levels[0], .. trajectory.Levels[1..^1].SelectMany(level => new[] { level, level }), trajectory.Levels[^1]]);
}
