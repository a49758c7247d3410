using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Parts of samplers that several classes read from a configuration in the same way.</summary>
internal static class ConfiguredParts
{
    /// <summary>The timesteps.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="standard">How they lie when the configuration does not say.</param>
    public static TimestepGrid Grid(this SchedulerConfig config, string standard) => new(
        config.Choice("timestep_spacing", standard, ("leading", TimestepSpacing.Leading), ("trailing", TimestepSpacing.Trailing), ("linspace", TimestepSpacing.Linspace)),
        config.TrainTimesteps,
        config.Whole("steps_offset", 0));

    /// <summary>The estimate of the clean sample, with the limits that the class takes.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="clip">Whether it is limited when the configuration does not say; null when the class has no such key.</param>
    /// <param name="thresholds">Whether the class has the keys of dynamic thresholding.</param>
    public static CleanEstimate Estimate(this SchedulerConfig config, bool? clip, bool thresholds) => new(config.Prediction,
        thresholds && config.Flag("thresholding") ? new Clipping(null, config.Number("dynamic_thresholding_ratio", 0.995), (float)config.Number("sample_max_value", 1))
        : clip is { } standard && config.Flag("clip_sample", standard) ? new Clipping((float)config.Number("clip_sample_range", 1))
        : new Clipping());

    /// <summary>How noise levels lie.</summary>
    public static NoiseLevelSpacing LevelSpacing(this SchedulerConfig config, bool lu = false)
    {
        var chosen = new List<(string Key, NoiseLevelSpacing Spacing)>();
        Add("use_karras_sigmas", NoiseLevelSpacing.Karras);
        Add("use_exponential_sigmas", NoiseLevelSpacing.Exponential);
        Add("use_beta_sigmas", NoiseLevelSpacing.Beta);
        if (lu)
        {
            Add("use_lu_lambdas", NoiseLevelSpacing.Lu);
        }

        return chosen.Count < 2 ? chosen.FirstOrDefault().Spacing : throw config.Unsupported($"{string.Join(" and ", chosen.Select(choice => choice.Key))} exclude each other");

        void Add(string key, NoiseLevelSpacing spacing)
        {
            if (config.Flag(key))
            {
                chosen.Add((key, spacing));
            }
        }
    }

    /// <summary>Whether the last noise level is zero instead of the lowest of the training.</summary>
    public static bool EndsAtZero(this SchedulerConfig config) => config.Choice("final_sigmas_type", "zero", ("zero", true), ("sigma_min", false));

    /// <summary>Throws when the prediction is none that the class can use.</summary>
    public static void Predicts(this SchedulerConfig config, params PredictionType[] supported)
    {
        if (!supported.Contains(config.Prediction))
        {
            throw config.Unsupported($"{config.ClassName} cannot use prediction_type '{SchedulerConfig.NameOf(config.Prediction)}': it takes {string.Join(", ", supported.Select(SchedulerConfig.NameOf))}");
        }
    }
}
