using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Samplers on timesteps of the training, from configurations.</summary>
internal static class DiscreteSamplers
{
    public static Sampler Ddpm(SchedulerConfig config, SamplerSettings settings)
    {
        // fixed_large_log is left out: diffusers takes the root of the logarithm there, which is not a number.
        var variance = config.Choice("variance_type", "fixed_small",
            ("fixed_small", DdpmVariance.FixedSmall),
            ("fixed_small_log", DdpmVariance.FixedSmall),
            ("fixed_large", DdpmVariance.FixedLarge),
            ("learned", DdpmVariance.Learned),
            ("learned_range", DdpmVariance.LearnedRange));
        var (schedule, timesteps) = Schedule(config, config.NoiseSchedule(), config.Grid("leading").ToFirst(settings.Steps));
        return new DdpmSampler(schedule, timesteps, config.Estimate(clip: true, thresholds: true), variance);
    }

    public static Sampler Ddim(SchedulerConfig config, SamplerSettings settings)
    {
        var (schedule, timesteps) = Schedule(config, config.NoiseSchedule(), config.Grid("leading").ToFirst(settings.Steps));
        return new DdimSampler(schedule, timesteps, schedule.Timesteps / settings.Steps, FinalProduct(config, schedule, true), config.Estimate(clip: true, thresholds: true), settings.Eta);
    }

    public static Sampler Pndm(SchedulerConfig config, SamplerSettings settings)
    {
        const int rungeKuttaTimesteps = 4;
        config.Predicts(PredictionType.Epsilon, PredictionType.Velocity);
        var rungeKutta = !config.Flag("skip_prk_steps");
        if (rungeKutta && settings.Steps < rungeKuttaTimesteps)
        {
            throw new CompressToolException(DiffusionErrors.InvalidSampling, $"PNDM with Runge-Kutta steps needs at least {rungeKuttaTimesteps} steps, but {settings.Steps} are wanted; take more, or set skip_prk_steps");
        }

        var (schedule, grid) = Schedule(config, config.NoiseSchedule(), config.Grid("leading").ToFirst(settings.Steps));
        return new PndmSampler(schedule, grid, FinalProduct(config, schedule, false), config.Prediction, rungeKutta);
    }

    public static Sampler Lcm(SchedulerConfig config, SamplerSettings settings)
    {
        var train = config.TrainTimesteps;
        var original = config.Whole("original_inference_steps", 50, 1);
        if (original > train || settings.Steps > original || settings.Steps < 1)
        {
            throw new CompressToolException(DiffusionErrors.InvalidSampling, $"LCM cannot do {settings.Steps} steps: from 1 to original_inference_steps ({original}) are possible, and these are at most num_train_timesteps ({train})");
        }

        // The model was trained on these timesteps; the sampler takes some of them, evenly from the last.
        var stride = train / original;
        double[] timesteps = [.. Enumerable.Range(0, settings.Steps).Select(i => ((original - (int)Math.Floor(i * (original / (double)settings.Steps))) * stride) - 1.0)];
        (var schedule, timesteps) = Schedule(config, config.NoiseSchedule(0.00085, 0.012, "scaled_linear"), timesteps);
        return new LcmSampler(schedule, timesteps, config.Estimate(clip: false, thresholds: true), config.Number("timestep_scaling", 10));
    }

    /// <summary>The schedule and the timesteps, when they fit what the model predicts.</summary>
    private static (NoiseSchedule Schedule, double[] Timesteps) Schedule(SchedulerConfig config, NoiseSchedule schedule, double[] timesteps)
    {
        config.Predicts(PredictionType.Epsilon, PredictionType.Sample, PredictionType.Velocity);
        return config.Prediction == PredictionType.Epsilon && schedule.AlphasCumprod[(int)timesteps[0]] == 0
            ? throw config.Unsupported("the first step starts from noise alone (rescale_betas_zero_snr), from which a model that predicts noise cannot tell the sample; prediction_type must be v_prediction or sample")
            : (schedule, timesteps);
    }

    private static float FinalProduct(SchedulerConfig config, NoiseSchedule schedule, bool one) =>
        config.Flag("set_alpha_to_one", one) ? 1 : schedule.AlphasCumprod[0];
}
