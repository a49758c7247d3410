using System.Text.Json.Nodes;
using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Samplers that integrate over the logarithm of alpha / sigma, from configurations.</summary>
internal static class LogSnrSamplers
{
    /// <summary>Flow matching does not quite start from noise alone: the logarithm would be infinite.</summary>
    private const double LeastSignal = 1e-6;

    private static readonly Dictionary<double, int> s_orders = new() { [1] = 1, [2] = 2, [3] = 3 };

    public static Sampler DpmSolver(SchedulerConfig config, SamplerSettings settings)
    {
        var (ofData, stochastic) = config.Choice("algorithm_type", "dpmsolver++",
            ("dpmsolver++", (true, false)),
            ("sde-dpmsolver++", (true, true)),
            ("dpmsolver", (false, false)),
            ("sde-dpmsolver", (false, true)),
            ("deis", (true, false)));
        var options = new DpmSolverOptions
        {
            Order = Order(config),
            OfData = ofData,
            Stochastic = stochastic,
            Heun = config.Choice("solver_type", "midpoint", ("midpoint", false), ("heun", true), ("logrho", false), ("bh1", false), ("bh2", false)),
            LowerOrderFinal = config.Flag("lower_order_final", true),
            EulerAtFinal = config.Flag("euler_at_final"),
        };
        if (!ofData && config.EndsAtZero())
        {
            throw config.Unsupported("final_sigmas_type 'zero' is for algorithm_type 'dpmsolver++' and 'sde-dpmsolver++'; set it to 'sigma_min', or choose one of these");
        }

        if (config.IsFlow)
        {
            return new DpmSolverSampler(DpmFlow(config, settings.Steps), flow: true, config.Estimate(clip: null, thresholds: true), options);
        }

        config.Predicts(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity);
        var schedule = config.NoiseSchedule().WithSomeSignal();
        var least = config.Number("lambda_min_clipped", double.NegativeInfinity);
        var last = schedule.AlphasCumprod.Count(product => Math.Log(product / (1.0 - product)) / 2 >= least);
        return new DpmSolverSampler(Discrete(config, settings.Steps, schedule, config.LevelSpacing(lu: true), last, dpm: true), flow: false, config.Estimate(clip: null, thresholds: true), options);
    }

    public static Sampler UniPc(SchedulerConfig config, SamplerSettings settings)
    {
        config.Never("solver_p");
        var options = new UniPcOptions
        {
            Order = Order(config),
            OfData = config.Flag("predict_x0", true),
            ExpB = config.Choice("solver_type", "bh2", ("bh2", true), ("bh1", false), ("midpoint", true), ("heun", true), ("logrho", true)),
            LowerOrderFinal = config.Flag("lower_order_final", true),
            Uncorrected = Steps(config, "disable_corrector"),
        };
        var estimate = config.Estimate(clip: null, thresholds: true);
        if (config.IsFlow)
        {
            return new UniPcSampler(UniPcFlow(config, settings), flow: true, estimate, options);
        }

        config.Predicts(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity);
        var schedule = config.NoiseSchedule().WithSomeSignal();
        return new UniPcSampler(Discrete(config, settings.Steps, schedule, config.LevelSpacing(), schedule.Timesteps, dpm: false), flow: false, estimate, options);
    }

    private static int Order(SchedulerConfig config) => s_orders.TryGetValue(config.Number("solver_order", 2), out var order) ? order
        : throw config.Unsupported($"solver_order {config.Value("solver_order")!.ToJsonString()} is not supported with {config.ClassName}: 1, 2 and 3 are");

    /// <summary>Timesteps and levels of a schedule of betas. The timesteps that the model sees are whole.</summary>
    private static Trajectory Discrete(SchedulerConfig config, int steps, NoiseSchedule schedule, NoiseLevelSpacing spacing, int last, bool dpm)
    {
        var known = schedule.NoiseLevels();
        var timesteps = config.Grid("linspace").BeforeFirst(steps, last);
        var levels = Array.ConvertAll(timesteps, t => NoiseLevels.At(known, t));
        if (spacing != NoiseLevelSpacing.Timesteps)
        {
            levels = NoiseLevels.Between(spacing, (dpm ? null : config.OptionalNumber("sigma_max")) ?? known[^1], (dpm ? null : config.OptionalNumber("sigma_min")) ?? known[0], steps);
            timesteps = Array.ConvertAll(levels, level => NoiseLevels.TimestepOf(known, level));
            if (spacing is NoiseLevelSpacing.Karras or NoiseLevelSpacing.Lu && !(dpm && config.IsCosine()))
            {
                timesteps = Array.ConvertAll(timesteps, Math.Round);
            }
        }

        var end = config.EndsAtZero() ? 0 : spacing == NoiseLevelSpacing.Timesteps || dpm ? known[0] : levels[^1];
        return Trajectory.Create(timesteps.Select(Math.Truncate), levels, end);
    }

    private static bool IsCosine(this SchedulerConfig config) =>
        config.Choice("beta_schedule", "linear", ("squaredcos_cap_v2", true), ("linear", false), ("scaled_linear", false), ("sigmoid", false));

    private static Trajectory DpmFlow(SchedulerConfig config, int steps)
    {
        if (config.LevelSpacing(lu: true) != NoiseLevelSpacing.Timesteps)
        {
            throw config.Unsupported($"use_flow_sigmas stands alone with {config.ClassName}: no other choice of sigmas can be made");
        }

        config.Only("use_dynamic_shifting", false);
        config.Only("invert_sigmas", false);
        var train = config.TrainTimesteps;
        var levels = new FlowSchedule(config.Number("flow_shift", 1)).Apply(FlowSchedule.Line(1 - (1.0 / train), 0, steps + 1).Take(steps));
        return Trajectory.Create(levels.Select(level => Math.Truncate(level * train)), levels, config.EndsAtZero() ? 0 : levels[^1]);
    }

    private static Trajectory UniPcFlow(SchedulerConfig config, SamplerSettings settings)
    {
        config.Only("invert_sigmas", false);
        var train = config.TrainTimesteps;
        double[] levels;
        switch (config.LevelSpacing())
        {
            case NoiseLevelSpacing.Karras:
                if (config.OptionalNumber("sigma_max") is not { } highest || config.OptionalNumber("sigma_min") is not { } lowest)
                {
                    throw config.Unsupported("use_karras_sigmas with use_flow_sigmas needs sigma_min and sigma_max");
                }

                levels = Array.ConvertAll(NoiseLevels.Between(NoiseLevelSpacing.Karras, highest, lowest, settings.Steps), level => level / (level + 1));
                break;
            case NoiseLevelSpacing.Timesteps:
                levels = FlowSamplers.Shift(config, settings, "flow_shift").Apply(FlowSchedule.Line(1, 1.0 / train, settings.Steps + 1).Take(settings.Steps));
                levels[0] = Math.Min(levels[0], 1 - LeastSignal);
                break;
            default:
                throw config.Unsupported("use_exponential_sigmas and use_beta_sigmas exclude use_flow_sigmas");
        }

        return Trajectory.Create(levels.Select(level => Math.Truncate(level * train)), levels, config.EndsAtZero() ? 0 : levels[^1]);
    }

    private static int[] Steps(SchedulerConfig config, string key) => config.Value(key) switch
    {
        null => [],
        JsonArray array => [.. array.Select(item => item is JsonValue value && value.TryGetValue<int>(out var step) ? step : throw config.Invalid(key, array, "a list of steps"))],
        var other => throw config.Invalid(key, other, "a list of steps"),
    };
}
