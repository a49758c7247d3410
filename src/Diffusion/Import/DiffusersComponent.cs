using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Weights;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Import;

/// <summary>A model in a diffusers folder: its configuration, and its weights if there are any.</summary>
/// <param name="Name">The component, e.g. <c>unet</c>; empty when the folder holds one model alone.</param>
/// <param name="ClassName">Its class, e.g. <c>UNet2DModel</c>.</param>
/// <param name="Config">Full path of its config.json.</param>
/// <param name="Weights">Full path of its weights, or of their index; null when the folder has none.</param>
public sealed record DiffusersComponent(string Name, string ClassName, string Config, string? Weights)
{
    /// <summary>What separates a folder from a component in a name such as <c>folder#unet</c>.</summary>
    public const char Separator = '#';

    /// <summary>What separates a component from a part of it in a name such as <c>folder#vae.decoder</c>.</summary>
    public const char PartSeparator = '.';

    private const string IndexName = "model_index.json";

    private static readonly string[] s_denoisers = ["unet", "transformer", "prior"];

    /// <summary>The part of the component, e.g. <c>decoder</c> of an autoencoder; null for the whole.</summary>
    public string? Part { get; init; }

    /// <summary>Full path of the scheduler_config.json of its pipeline, for a component that removes noise; null where there is none.</summary>
    public string? Scheduler => Part is null && s_denoisers.Contains(Name) && Path.GetDirectoryName(Path.GetDirectoryName(Config)) is { } pipeline
        && Path.Combine(pipeline, "scheduler", SchedulerConfig.FileName) is var path && File.Exists(path) ? path : null;

    /// <summary>All files that the model is made of, the configuration first.</summary>
    /// <exception cref="CompressToolException">A weight file is missing (CMP8007).</exception>
    public IReadOnlyList<string> Files => [Config, .. Weights is null ? [] : WeightFiles.FilesOf(Weights), .. Scheduler is null ? Array.Empty<string>() : [Scheduler]];

    /// <summary>Finds a model.</summary>
    /// <param name="folder">The folder; a component may be named behind it with '#'.</param>
    /// <param name="component">The component, perhaps with a part behind it (vae.decoder), or of a folder with one model the part alone; null for what
    /// stands behind '#', or else the component that removes noise.</param>
    /// <exception cref="CompressToolException">The folder is not a diffusers model (CMP8001), or has no such component (CMP8002).</exception>
    public static DiffusersComponent Find(string folder, string? component = null)
    {
        if (component is null && !Directory.Exists(folder) && folder.LastIndexOf(Separator) is var place and > 0)
        {
            (folder, component) = (folder[..place], folder[(place + 1)..]);
        }

        folder = Path.GetFullPath(folder);
        if (!Directory.Exists(folder))
        {
            throw WeightFiles.IsPickled(folder) && File.Exists(folder) ? WeightFiles.Pickled(folder)
                : new CompressToolException(OnnxErrors.FileNotFound, $"the folder '{folder}' does not exist");
        }

        var config = Path.Combine(folder, ConfigFile.Name);
        string? part = null;
        if (File.Exists(Path.Combine(folder, IndexName)))
        {
            component ??= Denoiser(folder);
            if (component.IndexOf(PartSeparator) is var dot and > 0)
            {
                (component, part) = (component[..dot], component[(dot + 1)..]);
            }

            config = Path.Combine(folder, component, ConfigFile.Name);
            if (component != Path.GetFileName(component) || !File.Exists(config))
            {
                var names = Components(folder);
                throw new CompressToolException(DiffusionErrors.UnknownComponent, $"'{folder}' has no component '{component}' with a {ConfigFile.Name}{NearestName.Hint(component, names)}");
            }
        }
        else if (File.Exists(config))
        {
            (component, part) = ("", component is { Length: > 0 } ? component : null);
        }
        else
        {
            throw Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).FirstOrDefault(WeightFiles.IsPickled) is { } pickled ? WeightFiles.Pickled(pickled)
                : new CompressToolException(DiffusionErrors.NoCheckpoint, $"'{folder}' has neither {IndexName} nor {ConfigFile.Name}");
        }

        var className = ConfigFile.Read(config).ClassName
            ?? throw new CompressToolException(DiffusionErrors.UnsupportedConfig, $"'{config}' does not say what class the model is (_class_name)");
        return new DiffusersComponent(component, className, config, WeightFiles.Find(Path.GetDirectoryName(config)!)) { Part = part };
    }

    /// <summary>The components of a folder that are models.</summary>
    private static string[] Components(string folder) =>
        [.. Directory.EnumerateDirectories(folder).Where(path => File.Exists(Path.Combine(path, ConfigFile.Name))).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>The component that removes noise, which is the one that is meant when none is named.</summary>
    private static string Denoiser(string folder)
    {
        var names = Components(folder);
        return s_denoisers.FirstOrDefault(names.Contains) ?? (names.Length == 1 ? names[0]
            : throw new CompressToolException(DiffusionErrors.UnknownComponent, $"'{folder}' has {(names.Length == 0 ? "no model with a " + ConfigFile.Name : $"the components {string.Join(", ", names)}: name one, e.g. {Path.GetFileName(folder)}#{names[0]}")}"));
    }
}
