using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Samplers;

/// <summary>Samplers from configurations of diffusers' schedulers.</summary>
public static class SamplerFactory
{
    private static readonly Dictionary<string, Func<SchedulerConfig, SamplerSettings, Sampler>> s_classes = new(StringComparer.Ordinal)
    {
        ["DDPMScheduler"] = DiscreteSamplers.Ddpm,
        ["DDIMScheduler"] = DiscreteSamplers.Ddim,
        ["PNDMScheduler"] = DiscreteSamplers.Pndm,
        ["LCMScheduler"] = DiscreteSamplers.Lcm,
        ["DPMSolverMultistepScheduler"] = LogSnrSamplers.DpmSolver,
        ["UniPCMultistepScheduler"] = LogSnrSamplers.UniPc,
        ["EulerDiscreteScheduler"] = UnscaledSamplers.Euler,
        ["EulerAncestralDiscreteScheduler"] = UnscaledSamplers.EulerAncestral,
        ["HeunDiscreteScheduler"] = UnscaledSamplers.Heun,
        ["LMSDiscreteScheduler"] = UnscaledSamplers.Lms,
        ["FlowMatchEulerDiscreteScheduler"] = FlowSamplers.Euler,
    };

    /// <summary>The classes of diffusers that there is a sampler for.</summary>
    public static IReadOnlyCollection<string> Classes => s_classes.Keys;

    /// <summary>The sampler of a configuration.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="settings">The number of steps, and what else the configuration does not say.</param>
    /// <exception cref="CompressToolException">The class, a value or the number of steps is not supported.</exception>
    public static Sampler Create(SchedulerConfig config, SamplerSettings settings) =>
        s_classes.TryGetValue(config.ClassName, out var create) ? create(config, settings)
            : throw config.Unsupported($"the scheduler {config.ClassName} is not supported{NearestName.Hint(config.ClassName, Classes)}");
}
