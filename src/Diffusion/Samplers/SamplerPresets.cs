using System.Text.Json.Nodes;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Samplers;

/// <summary>A sampler by a short name.</summary>
/// <param name="Name">The name, e.g. <c>dpm++2m</c>.</param>
/// <param name="ClassName">The diffusers class.</param>
/// <param name="Description">What it is.</param>
/// <param name="Steps">A usual number of steps.</param>
/// <param name="Keys">The keys that make it.</param>
public sealed record SamplerPreset(string Name, string ClassName, string Description, int Steps, IReadOnlyDictionary<string, JsonNode?> Keys);

/// <summary>The short names of samplers. They change the class and a few keys of a model's configuration, and leave its schedule as it is.</summary>
public static class SamplerPresets
{
    private const string Karras = "-karras", KarrasKey = "use_karras_sigmas";

    private static readonly SamplerPreset[] s_all =
    [
        Preset("ddpm", "DDPMScheduler", "ancestral sampling, for many steps", 1000),
        Preset("ddim", "DDIMScheduler", "denoising diffusion implicit models", 50),
        Preset("pndm", "PNDMScheduler", "pseudo linear multistep", 50, ("skip_prk_steps", true)),
        Preset("dpm++1", "DPMSolverMultistepScheduler", "DPM-Solver++ of first order", 20, ("algorithm_type", "dpmsolver++"), ("solver_order", 1)),
        .. WithKarras("dpm++2m", "DPMSolverMultistepScheduler", "DPM-Solver++ of second order", 20, ("algorithm_type", "dpmsolver++"), ("solver_order", 2)),
        .. WithKarras("dpm++3m", "DPMSolverMultistepScheduler", "DPM-Solver++ of third order", 20, ("algorithm_type", "dpmsolver++"), ("solver_order", 3)),
        .. WithKarras("dpm++2m-sde", "DPMSolverMultistepScheduler", "DPM-Solver++ of second order, with noise", 20, ("algorithm_type", "sde-dpmsolver++"), ("solver_order", 2)),
        .. WithKarras("euler", "EulerDiscreteScheduler", "Euler's method", 30),
        Preset("euler-a", "EulerAncestralDiscreteScheduler", "Euler's method with noise drawn anew", 30),
        .. WithKarras("heun", "HeunDiscreteScheduler", "Heun's method; sees most noise levels twice", 20),
        .. WithKarras("lms", "LMSDiscreteScheduler", "linear multistep of fourth order", 30),
        .. WithKarras("unipc", "UniPCMultistepScheduler", "predictor and corrector of second order", 20, ("solver_order", 2)),
        Preset("lcm", "LCMScheduler", "latent consistency models", 4),
        Preset("flow-euler", "FlowMatchEulerDiscreteScheduler", "Euler's method for flow matching", 28),
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<SamplerPreset> All => s_all;

    /// <summary>The preset of a name.</summary>
    /// <exception cref="CompressToolException">There is none.</exception>
    public static SamplerPreset Find(string name) =>
        Array.Find(s_all, preset => preset.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new CompressToolException(DiffusionErrors.InvalidSampling, $"there is no sampler '{name}'{Hint(name)}");

    /// <summary>A usual number of steps for a configuration.</summary>
    public static int UsualSteps(SchedulerConfig config) => Array.Find(s_all, preset => preset.ClassName == config.ClassName) is { Steps: < 1000 } preset ? preset.Steps : 50;

    /// <summary>The configuration of a preset for a model.</summary>
    /// <param name="preset">The preset.</param>
    /// <param name="config">The model's own configuration.</param>
    /// <exception cref="CompressToolException">One is for flow matching, and the other is not.</exception>
    public static SchedulerConfig Apply(SamplerPreset preset, SchedulerConfig config)
    {
        var flowPreset = preset.ClassName.StartsWith("FlowMatch", StringComparison.Ordinal);
        if (!config.IsFlow)
        {
            return flowPreset ? throw config.Unsupported($"the sampler {preset.Name} is for models trained by flow matching, and the scheduler {config.ClassName} says that this one is not") : config.With(preset.ClassName, preset.Keys);
        }

        if (flowPreset)
        {
            return config.With(preset.ClassName, preset.Keys);
        }

        if (preset.ClassName is not ("DPMSolverMultistepScheduler" or "UniPCMultistepScheduler") || (preset.Keys.TryGetValue(KarrasKey, out var karras) && karras!.GetValue<bool>()))
        {
            throw config.Unsupported($"the model is trained by flow matching ({config.ClassName}), for which there are the samplers flow-euler, dpm++1, dpm++2m, dpm++3m, dpm++2m-sde and unipc");
        }

        var keys = new Dictionary<string, JsonNode?>(preset.Keys)
        {
            ["use_flow_sigmas"] = true,
            ["flow_shift"] = config.Value("flow_shift")?.DeepClone() ?? config.Value("shift")?.DeepClone(),
            ["prediction_type"] = "flow_prediction",
        };
        return config.With(preset.ClassName, keys);
    }

    private static string Hint(string name) => NearestName.Hint(name, [.. s_all.Select(preset => preset.Name)]);

    private static SamplerPreset Preset(string name, string className, string description, int steps, params (string Key, JsonNode Value)[] keys) =>
        new(name, className, description, steps, keys.ToDictionary(pair => pair.Key, JsonNode? (pair) => pair.Value));

    /// <summary>With the noise levels of the timesteps, and with those of Karras et al.</summary>
    private static SamplerPreset[] WithKarras(string name, string className, string description, int steps, params (string Key, JsonNode Value)[] keys) =>
    [
        Preset(name, className, description, steps, [.. keys, (KarrasKey, false)]),
        Preset(name + Karras, className, $"{description}, noise levels of Karras et al.", steps, [.. keys, (KarrasKey, true)]),
    ];
}
