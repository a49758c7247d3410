namespace Denoise;

/// <summary>
/// The noise schedule the sample's U-Net was made for (1000 steps, linear betas from 0.0001 to 0.02, noise prediction), and
/// deterministic DDIM steps on it (Song et al. 2021, equation 12 with eta 0).
/// </summary>
internal static class NoiseSchedule
{
    public const int TrainingSteps = 1000;

    private static readonly double[] s_alphaBar = AlphaBar();

    /// <summary>The timesteps to visit, the noisiest first.</summary>
    public static int[] Timesteps(int steps) => [.. Enumerable.Range(0, steps).Select(i => i * (TrainingSteps / steps)).Reverse()];

    /// <summary>One step from a timestep to the previous one, in place.</summary>
    public static void Step(Span<float> sample, ReadOnlySpan<float> noise, int timestep, int previous)
    {
        var (from, to) = (s_alphaBar[timestep], previous < 0 ? 1.0 : s_alphaBar[previous]);
        for (var i = 0; i < sample.Length; i++)
        {
            var clean = Math.Clamp((sample[i] - (Math.Sqrt(1 - from) * noise[i])) / Math.Sqrt(from), -1, 1);
            var direction = (sample[i] - (Math.Sqrt(from) * clean)) / Math.Sqrt(1 - from);
            sample[i] = (float)((Math.Sqrt(to) * clean) + (Math.Sqrt(1 - to) * direction));
        }
    }

    private static double[] AlphaBar()
    {
        var result = new double[TrainingSteps];
        var product = 1.0;
        for (var t = 0; t < TrainingSteps; t++)
        {
            product *= 1 - (0.0001 + ((0.02 - 0.0001) * t / (TrainingSteps - 1)));
            result[t] = product;
        }

        return result;
    }
}
