using CompressTool.Diffusion.Arithmetic;
using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Samplers;

/// <summary>
/// Pseudo numerical methods on the manifold (Liu et al. 2022): the transfer of DDIM with an output averaged by a linear
/// multistep method. Its first outputs come from three Runge-Kutta steps of four outputs each, or, without these, from a
/// first step done twice.
/// </summary>
/// <param name="schedule">The noise schedule.</param>
/// <param name="grid">The timesteps, the noisiest first, before any is visited more than once.</param>
/// <param name="finalProduct">The product of alphas behind the first timestep.</param>
/// <param name="prediction">What the model predicts: noise or velocity.</param>
/// <param name="rungeKutta">Whether it begins with Runge-Kutta steps.</param>
internal sealed class PndmSampler(NoiseSchedule schedule, double[] grid, float finalProduct, PredictionType prediction, bool rungeKutta)
    : Sampler(Visits(grid, schedule.Timesteps / grid.Length, rungeKutta))
{
    private const int RungeKuttaSteps = 3, Stages = 4;

    private static readonly float[] s_stageWeights = [1 / 6f, 1 / 3f, 1 / 3f, 1 / 6f];

    private static readonly float[][] s_multistepWeights =
    [
        [1],
        [3 / 2f, -1 / 2f],
        [23 / 12f, -16 / 12f, 5 / 12f],
        [55 / 24f, -59 / 24f, 37 / 24f, -9 / 24f],
    ];

    private readonly int _stride = schedule.Timesteps / grid.Length;
    private readonly History _outputs = new(4);
    private float[] _start = [], _mean = [];
    private bool _again;

    public override (float OfSample, float OfNoise) MixAt(int step) => schedule.At((long)Timesteps[step]);

    private protected override void Reset(int length)
    {
        _again = false;
        _outputs.Clear(length);
        (_start, _mean) = _start.Length == length ? (_start, _mean) : (new float[length], new float[length]);
    }

    private protected override void Advance(int step, ReadOnlySpan<float> output, Span<float> sample, ReadOnlySpan<float> variance)
    {
        if (rungeKutta && step < RungeKuttaSteps * Stages)
        {
            RungeKutta(step, output, sample);
        }
        else
        {
            Multistep(output, sample);
        }
    }

    private void RungeKutta(int step, ReadOnlySpan<float> output, Span<float> sample)
    {
        var stage = step % Stages;
        var t = (int)Timesteps[step - stage];
        if (stage == 0)
        {
            sample.CopyTo(_start);
            output.CopyTo(_outputs.Push());
            Array.Clear(_mean);
        }

        Vectors.Add(s_stageWeights[stage], output, _mean);
        _start.CopyTo(sample);
        Transfer(sample, stage == Stages - 1 ? _mean : output, t, (int)Timesteps[step] - (stage % 2 == 0 ? _stride / 2 : 0));
    }

    private void Multistep(ReadOnlySpan<float> output, Span<float> sample)
    {
        var t = (int)Timesteps[Position];
        if (_again)
        {
            // The first step again, from its start, with the mean of the outputs at both ends.
            _again = false;
            Vectors.Combine(0.5f, output, 0.5f, _outputs[0], _mean);
            _start.CopyTo(sample);
            Transfer(sample, _mean, t + _stride, t);
            return;
        }

        if (_outputs.Count == 0)
        {
            sample.CopyTo(_start);
            _again = true;
        }

        output.CopyTo(_outputs.Push());
        var weights = s_multistepWeights[_outputs.Count - 1];
        Vectors.Scale(weights[0], _outputs[0], _mean);
        for (var age = 1; age < weights.Length; age++)
        {
            Vectors.Add(weights[age], _outputs[age], _mean);
        }

        Transfer(sample, _mean, t, t - _stride);
    }

    /// <summary>Equation 11 of the paper.</summary>
    private void Transfer(Span<float> sample, ReadOnlySpan<float> output, int from, int to)
    {
        double product = schedule.AlphasCumprod[from], next = to >= 0 ? schedule.AlphasCumprod[to] : finalProduct;
        var ofSample = Math.Sqrt(next / product);
        var ofNoise = (product - next) / ((product * Math.Sqrt(1 - next)) + Math.Sqrt(product * (1 - product) * next));
        var (noisy, predicted) = prediction.Noise(Math.Sqrt(product), Math.Sqrt(1 - product));
        Vectors.Combine((float)(ofSample + (ofNoise * noisy)), sample, (float)(ofNoise * predicted), output, sample);
    }

    /// <summary>The timesteps in the order in which the model sees them.</summary>
    private static float[] Visits(double[] grid, int stride, bool rungeKutta)
    {
        if (!rungeKutta)
        {
            return [.. grid.Take(2).Concat(grid.Skip(1)).Select(t => (float)t)];
        }

        var steps = Enumerable.Range(0, RungeKuttaSteps).SelectMany(i => new[] { grid[i], grid[i + 1] + (stride / 2), grid[i + 1] + (stride / 2), grid[i + 1] });
        return [.. steps.Concat(grid.Skip(RungeKuttaSteps)).Select(t => (float)t)];
    }
}
