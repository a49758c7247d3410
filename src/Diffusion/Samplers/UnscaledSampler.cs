namespace CompressTool.Diffusion.Samplers;

/// <summary>
/// A sampler whose samples are not scaled, clean + level noise, so that the differential equation is simple (Karras et al.
/// 2022, section 4): d sample / d level = (sample - clean) / level.
/// </summary>
/// <param name="trajectory">Timesteps and noise levels.</param>
/// <param name="scaleOfStart">The standard deviation of the noise that a run starts from.</param>
internal abstract class UnscaledSampler(Trajectory trajectory, double scaleOfStart) : Sampler(trajectory.Timesteps)
{
    public override float InitialNoiseScale => (float)scaleOfStart;

    public override bool ScalesInput => true;

    protected double[] Levels { get; } = trajectory.Levels;

    public override (float OfSample, float OfNoise) MixAt(int step) => (1, (float)Levels[step]);

    private protected override float InputScaleAt(int step) => (float)(1 / Math.Sqrt((Levels[step] * Levels[step]) + 1));
}

/// <summary>The timesteps of a sampler with the noise level sigma / alpha of each, and one level more, where it ends.</summary>
/// <param name="Timesteps">The timesteps, the noisiest first.</param>
/// <param name="Levels">The noise levels, one more.</param>
internal sealed record Trajectory(float[] Timesteps, double[] Levels)
{
    /// <summary>Timesteps and levels that the model sees and PyTorch computes with, in float32.</summary>
    public static Trajectory Create(IEnumerable<double> timesteps, IEnumerable<double> levels, double last) =>
        new([.. timesteps.Select(t => (float)t)], [.. levels.Append(last).Select(level => (double)(float)level)]);
}
