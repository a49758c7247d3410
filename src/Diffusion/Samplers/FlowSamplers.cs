using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Samplers of flow matching, from configurations.</summary>
internal static class FlowSamplers
{
    public static Sampler Euler(SchedulerConfig config, SamplerSettings settings)
    {
        var train = config.TrainTimesteps;
        if (settings.Steps < 1)
        {
            throw new CompressToolException(DiffusionErrors.InvalidSampling, $"{settings.Steps} steps are not possible: at least one is needed");
        }

        // The ends of the line are those of the training, which are shifted already; pipelines whose shift depends on the image
        // give theirs themselves.
        var shift = Shift(config, settings, "shift");
        var line = config.Flag("use_dynamic_shifting")
            ? FlowSchedule.Line(1, 1.0 / settings.Steps, settings.Steps)
            : FlowSchedule.Line(shift.Shifted(1), shift.Shifted(1.0 / train), settings.Steps);
        var levels = shift.Apply(line);
        if (config.LevelSpacing() is var spacing and not NoiseLevelSpacing.Timesteps)
        {
            levels = NoiseLevels.Between(spacing, levels[0], levels[^1], settings.Steps);
        }

        var (inverted, stochastic) = (config.Flag("invert_sigmas"), config.Flag("stochastic_sampling"));
        if (inverted && stochastic)
        {
            throw config.Unsupported("invert_sigmas and stochastic_sampling exclude each other");
        }

        levels = inverted ? Array.ConvertAll(levels, level => (double)(1 - (float)level)) : levels;
        return new FlowEulerSampler(Trajectory.Create(levels.Select(level => (double)((float)level * train)), levels, inverted ? 1 : 0), stochastic, inverted);
    }

    /// <summary>The shift, which may depend on the size of the image: its logarithm, or itself, grows along a line with the number of tokens.</summary>
    public static FlowSchedule Shift(SchedulerConfig config, SamplerSettings settings, string key)
    {
        var terminal = config.OptionalNumber("shift_terminal") is { } value and not 0 ? value : (double?)null;
        if (!config.Flag("use_dynamic_shifting"))
        {
            return new FlowSchedule(config.Number(key, 1), terminal);
        }

        var length = settings.SequenceLength ?? throw new CompressToolException(DiffusionErrors.InvalidSampling, "the shift of the noise levels depends on the size of the image (use_dynamic_shifting), which is not known");
        var (fewest, most) = (config.Number("base_image_seq_len", 256), config.Number("max_image_seq_len", 4096));
        var (least, greatest) = (config.Number("base_shift", 0.5), config.Number("max_shift", 1.15));
        var mu = least + ((length - fewest) * ((greatest - least) / (most - fewest)));
        return new FlowSchedule(config.Choice("time_shift_type", "exponential", ("exponential", Math.Exp(mu)), ("linear", mu)), terminal);
    }
}
