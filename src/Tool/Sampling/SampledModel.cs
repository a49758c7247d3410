using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Tool.Inference;

namespace CompressTool.Tool.Sampling;

/// <summary>A diffusion model that the command line names: an .onnx file or a diffusers folder, ready to run, with what lies around it.</summary>
internal sealed class SampledModel : IDisposable
{
    private const string AutoencoderName = "vae", TimestepName = "timestep";

    private readonly string? _file;

    private SampledModel(Denoiser denoiser, JsonObject? config, long? classes, string folder, int foldersUp, string? pipeline, string? file)
    {
        (Denoiser, Config, Classes, _file) = (denoiser, config, classes, file);
        if (pipeline is not null)
        {
            var scheduler = Path.Combine(pipeline, "scheduler", SchedulerConfig.FileName);
            Scheduler = File.Exists(scheduler) ? scheduler : null;
            Autoencoder = File.Exists(Path.Combine(pipeline, AutoencoderName, "config.json")) ? pipeline : null;
        }

        for (var (up, place) = (0, folder); up <= foldersUp && place is not null && Scheduler is null; up++, place = Path.GetDirectoryName(place))
        {
            Scheduler = new[] { Path.Combine(place, SchedulerConfig.FileName), Path.Combine(place, "scheduler", SchedulerConfig.FileName) }.FirstOrDefault(File.Exists);
        }
    }

    /// <summary>The model.</summary>
    public Denoiser Denoiser { get; private set; }

    /// <summary>Its config.json; null when there is none.</summary>
    public JsonObject? Config { get; }

    /// <summary>How many classes it has embeddings for; null when it has none, or this cannot be seen.</summary>
    public long? Classes { get; }

    /// <summary>The nearest scheduler configuration; null when there is none.</summary>
    public string? Scheduler { get; }

    /// <summary>The scheduler of the pipeline that it was imported from; null when it brings none.</summary>
    public SchedulerConfig? OwnScheduler { get; private init; }

    /// <summary>The folder of its pipeline when that has an autoencoder; null otherwise.</summary>
    public string? Autoencoder { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="path">The .onnx file, or the folder, perhaps with <c>#component</c> behind it.</param>
    /// <param name="pipeline">The diffusers folder that it belongs to; null for the one that it is in, if any.</param>
    /// <param name="engine">What runs it.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    public static SampledModel Open(string path, string? pipeline, IEngine engine, EngineOptions options, CancellationToken cancellationToken)
    {
        if (ModelFile.IsFolder(path))
        {
            return OpenFolder(DiffusersComponent.Find(path), pipeline, engine, options, cancellationToken);
        }

        using var model = Model.Load(path, new LoadOptions { AllowMissingWeights = true });
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var config = ConfigOf(model) ?? ReadConfig(Path.Combine(folder, "config.json"));
        return new SampledModel(new Denoiser(engine.Compile(path, options, cancellationToken)), config, ClassesOf(model), folder, foldersUp: 2, pipeline, path) { OwnScheduler = SchedulerConfig.Of(model) };
    }

    /// <summary>Loads the model again to take timesteps between whole ones, if it can and does not yet.</summary>
    /// <param name="engine">What runs it.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    public void AllowFractions(IEngine engine, EngineOptions options, CancellationToken cancellationToken)
    {
        if (_file is null || Denoiser.Timestep.Type.ElementType is not (DataType.Int64 or DataType.Int32))
        {
            return;
        }

        using var model = Model.Load(_file);
        if (FractionalTimesteps.Allow(model, Denoiser.Timestep.Name))
        {
            var before = Denoiser;
            Denoiser = new Denoiser(engine.Compile(model, options, cancellationToken));
            before.Dispose();
        }
    }

    /// <summary>Opens the decoder of the pipeline's autoencoder, or one from a file.</summary>
    /// <param name="path">An .onnx file, or a folder with the component behind it; null for the pipeline's.</param>
    /// <param name="engine">What runs it.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    /// <returns>The decoder; null when there is none.</returns>
    public LatentDecoder? OpenDecoder(string? path, IEngine engine, EngineOptions options, CancellationToken cancellationToken)
    {
        using var model = LoadDecoder(path);
        if (model is null)
        {
            return null;
        }

        var config = ConfigOf(model);
        return new LatentDecoder(engine.CompileUnchanged(model, options, cancellationToken), LatentScaling.From(config)) { Enlargement = LatentDecoder.EnlargementOf(config) };
    }

    /// <summary>The model of the decoder.</summary>
    /// <param name="path">An .onnx file, or a folder with the component behind it; null for the pipeline's.</param>
    /// <returns>The model; null when there is none.</returns>
    public Model? LoadDecoder(string? path)
    {
        path ??= Autoencoder is null ? null : $"{Autoencoder}{DiffusersComponent.Separator}{AutoencoderName}.decoder";
        return path is null ? null
            : File.Exists(path) || path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) ? Model.Load(path, new LoadOptions { AllowMissingWeights = true })
            : DiffusersImporter.Import(DiffusersComponent.Find(path));
    }

    /// <summary>The height and width of its samples that its config.json says; null when it does not.</summary>
    public IReadOnlyList<long>? SampleSize() => Config?["sample_size"] switch
    {
        JsonValue value when value.TryGetValue<long>(out var side) => [side, side],
        JsonArray { Count: 2 } array when array[0] is JsonValue first && array[1] is JsonValue second && first.TryGetValue<long>(out var height) && second.TryGetValue<long>(out var width) => [height, width],
        _ => null,
    };

    /// <inheritdoc/>
    public void Dispose() => Denoiser.Dispose();

    private static SampledModel OpenFolder(DiffusersComponent component, string? pipeline, IEngine engine, EngineOptions options, CancellationToken cancellationToken)
    {
        using var model = DiffusersImporter.Import(component);
        var folder = Path.GetDirectoryName(component.Config)!;
        pipeline ??= component.Name.Length == 0 ? null : Path.GetDirectoryName(folder);

        // Nothing is lost by it, and a graph in memory is changed at no cost.
        FractionalTimesteps.Allow(model, TimestepName);
        return new SampledModel(new Denoiser(engine.Compile(model, options, cancellationToken)), ConfigOf(model), ClassesOf(model), folder, foldersUp: 1, pipeline, file: null);
    }

    private static long? ClassesOf(Model model) =>
        model.Graph.Inputs.Select(ClassEmbedding.Classes).FirstOrDefault(classes => classes is not null);

    private static JsonObject? ConfigOf(Model model) =>
        model.Metadata.FirstOrDefault(pair => pair.Key == DiffusersImporter.ConfigKey).Value is { } text ? ParseConfig(text) : null;

    private static JsonObject? ReadConfig(string path) => File.Exists(path) ? ParseConfig(File.ReadAllText(path)) : null;

    private static JsonObject? ParseConfig(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            return null; // Some other file of that name; it is only asked for the size.
        }
    }
}
