using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Samplers of samples that are not scaled, from configurations.</summary>
internal static class UnscaledSamplers
{
    public static Sampler Euler(SchedulerConfig config, SamplerSettings settings)
    {
        config.Choice("interpolation_type", "linear", ("linear", true));
        var continuous = config.Choice("timestep_type", "discrete", ("discrete", false), ("continuous", true)) && config.Prediction == PredictionType.Velocity;
        var (trajectory, scale) = Trajectory(config, settings.Steps, config.NoiseSchedule(), config.LevelSpacing(), config.EndsAtZero());
        if (continuous)
        {
            trajectory = trajectory with { Timesteps = [.. trajectory.Levels[..^1].Select(level => (float)(Math.Log(level) / 4))] };
        }

        return new EulerSampler(trajectory, scale, config.Estimate(clip: null, thresholds: false), ancestral: false);
    }

    public static Sampler EulerAncestral(SchedulerConfig config, SamplerSettings settings)
    {
        var (trajectory, scale) = Trajectory(config, settings.Steps, config.NoiseSchedule(), NoiseLevelSpacing.Timesteps, endsAtZero: true);
        return new EulerSampler(trajectory, scale, config.Estimate(clip: null, thresholds: false), ancestral: true);
    }

    public static Sampler Heun(SchedulerConfig config, SamplerSettings settings)
    {
        var (trajectory, scale) = Trajectory(config, settings.Steps, config.NoiseSchedule(0.00085, 0.012), config.LevelSpacing(), endsAtZero: true);
        return new HeunSampler(trajectory, scale, config.Estimate(clip: false, thresholds: false));
    }

    public static Sampler Lms(SchedulerConfig config, SamplerSettings settings)
    {
        var (trajectory, scale) = Trajectory(config, settings.Steps, config.NoiseSchedule(), config.LevelSpacing(), endsAtZero: true);
        return new LmsSampler(trajectory, scale, config.Estimate(clip: null, thresholds: false));
    }

    private static (Trajectory Trajectory, double ScaleOfStart) Trajectory(SchedulerConfig config, int steps, NoiseSchedule schedule, NoiseLevelSpacing spacing, bool endsAtZero)
    {
        config.Predicts(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity);
        var grid = config.Grid("linspace");
        var known = schedule.WithSomeSignal().NoiseLevels();
        var timesteps = grid.ToFirst(steps, rounded: false);
        var levels = Array.ConvertAll(timesteps, t => NoiseLevels.At(known, t));
        if (spacing != NoiseLevelSpacing.Timesteps)
        {
            levels = NoiseLevels.Between(spacing, config.OptionalNumber("sigma_max") ?? levels[0], config.OptionalNumber("sigma_min") ?? levels[^1], steps);
            timesteps = Array.ConvertAll(levels, level => NoiseLevels.TimestepOf(known, level));
        }

        // A run that starts at the last timestep starts from noise alone; otherwise there is a sample of the data's size in it.
        var trajectory = Samplers.Trajectory.Create(timesteps, levels, endsAtZero ? 0 : known[0]);
        var highest = trajectory.Levels[0];
        return (trajectory, grid.Spacing == TimestepSpacing.Leading ? Math.Sqrt((highest * highest) + 1) : highest);
    }
}
