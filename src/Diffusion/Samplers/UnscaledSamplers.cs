using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Samplers of samples that are not scaled, from configurations.</summary>
internal static class UnscaledSamplers
{
    public static Sampler Euler(SchedulerConfig config, SamplerSettings settings)
    {
        var logarithmic = config.Choice("interpolation_type", "linear", ("linear", false), ("log_linear", true));
        var continuous = config.Choice("timestep_type", "discrete", ("discrete", false), ("continuous", true)) && config.Prediction == PredictionType.Velocity;
        var (trajectory, scale) = Trajectory(config, settings.Steps, config.NoiseSchedule(), config.LevelSpacing(), config.EndsAtZero(), logarithmic);
        if (logarithmic && continuous && config.LevelSpacing() == NoiseLevelSpacing.Timesteps)
        {
            throw config.Unsupported("interpolation_type 'log_linear' has one level more than timesteps, so timestep_type 'continuous' would have one step more than wanted; set use_karras_sigmas, or one of the two to what it is by default");
        }

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

    private static (Trajectory Trajectory, double ScaleOfStart) Trajectory(SchedulerConfig config, int steps, NoiseSchedule schedule, NoiseLevelSpacing spacing, bool endsAtZero, bool logarithmic = false)
    {
        config.Predicts(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity);
        var grid = config.Grid("linspace");
        var known = schedule.WithSomeSignal().NoiseLevels();
        var timesteps = grid.ToFirst(steps, rounded: false);
        var levels = Array.ConvertAll(timesteps, t => NoiseLevels.At(known, t));
        if (logarithmic)
        {
            // One level more than steps, from the highest of the training to its lowest, where the last step ends, whatever the timesteps.
            levels = NoiseLevels.Between(NoiseLevelSpacing.Exponential, known[^1], known[0], steps + 1);
        }

        if (spacing != NoiseLevelSpacing.Timesteps)
        {
            levels = NoiseLevels.Between(spacing, config.OptionalNumber("sigma_max") ?? levels[0], config.OptionalNumber("sigma_min") ?? levels[^1], steps);
            timesteps = Array.ConvertAll(levels, level => NoiseLevels.TimestepOf(known, level));
        }

        // A run that starts at the last timestep starts from noise alone; otherwise there is a sample of the data's size in it.
        var trajectory = levels.Length > steps ? Samplers.Trajectory.Create(timesteps, levels[..^1], levels[^1])
            : Samplers.Trajectory.Create(timesteps, levels, endsAtZero ? 0 : known[0]);
        var highest = trajectory.Levels[0];
        return (trajectory, grid.Spacing == TimestepSpacing.Leading ? Math.Sqrt((highest * highest) + 1) : highest);
    }
}
