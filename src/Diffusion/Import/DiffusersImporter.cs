using CompressTool.Diffusion.Export;
using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Diffusion.Import.Weights;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import;

/// <summary>How a model is imported.</summary>
public sealed record ImportOptions
{
    /// <summary>
    /// Seed of fresh parameters, initialised as PyTorch does, in place of those of the checkpoint: the start of a training from scratch.
    /// Null (the default) takes the checkpoint, or seed 0 where the folder has none.
    /// </summary>
    public long? InitSeed { get; init; }

    /// <summary>
    /// Height and width of the samples, as the model takes them (latents where it works on latents). Null (the default) leaves them
    /// open where the architecture allows, and else takes them from the configuration.
    /// </summary>
    public ImageSize? Size { get; init; }

    /// <summary>
    /// How many of the last layers of a text encoder its last_hidden_state and penultimate_hidden_state leave out (clip skip). The
    /// vector for the whole text stays that of all layers.
    /// </summary>
    public int SkipTextLayers { get; init; }
}

/// <summary>Height and width.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public readonly record struct ImageSize(int Height, int Width);

/// <summary>
/// Makes ONNX graphs of models in the folders of diffusers and transformers, from config.json and safetensors files. The graphs are
/// written here, layer by layer; nothing in a checkpoint is executed.
/// </summary>
public static class DiffusersImporter
{
    /// <summary>The metadata key of an imported model that holds its class.</summary>
    public const string ClassKey = "diffusers.class";

    /// <summary>The metadata key of an imported model that holds its config.json.</summary>
    public const string ConfigKey = "diffusers.config";

    /// <summary>Raised when the same folder gives another graph than before.</summary>
    public const int Version = 3;

    /// <summary>The version of the standard operators in imported graphs.</summary>
    private const int Opset = 17;

    /// <summary>The classes that can be imported.</summary>
    public static IReadOnlyCollection<string> Classes => [.. ModelClass.All.Keys];

    /// <summary>Imports a model. The weights stay in their files, which the model closes when it is disposed.</summary>
    /// <param name="component">The model.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The model; save it to make an .onnx file.</returns>
    /// <exception cref="CompressToolException">The class is not supported (CMP8003), the configuration not understood (CMP8004, CMP8005), or
    /// the weights do not fit it (CMP8007 to CMP8010).</exception>
    public static Model Import(DiffusersComponent component, ImportOptions? options = null)
    {
        var known = ModelClass.Find(component.ClassName, component.Config);
        if (component.Part is { } part && !known.Parts.Contains(part))
        {
            throw new CompressToolException(DiffusionErrors.UnknownComponent, $"the class {component.ClassName} has no part '{part}'{NearestName.Hint(part, known.Parts)}");
        }

        var config = ConfigFile.Read(component.Config);
        if (component.Weights is null || options?.InitSeed is not null)
        {
            return WithScheduler(component, Build(known, component.Part, config, new FreshWeights(options?.InitSeed ?? 0), options));
        }

        var files = WeightFiles.Open(component.Weights);
        try
        {
            var weights = new CheckpointWeights(files);
            var model = Build(known, component.Part, config, weights, options);
            model.Own(files);
            StoredTypes.Write(model, weights.Types);
            return WithScheduler(component, model);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>Keeps the schedule that a model is trained with in the model itself, for trainings and samples.</summary>
    private static Model WithScheduler(DiffusersComponent component, Model model)
    {
        if (component.Scheduler is { } path)
        {
            SchedulerConfig.Write(model, path);
        }

        return model;
    }

    /// <summary>Builds the graph of a model.</summary>
    /// <param name="known">Its class.</param>
    /// <param name="part">A part of it; null for the whole.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="weights">Where the parameters come from.</param>
    /// <param name="options">How; null for the defaults. The weights are those given, whatever they say.</param>
    internal static Model Build(ModelClass known, string? part, ConfigFile config, IWeightSource weights, ImportOptions? options = null)
    {
        var model = new Model { ProducerName = "CompressTool", IrVersion = 8 };
        model.OpsetImports[""] = Opset;
        model.Graph.Name = known.Name;
        model.Metadata.Add(new(ClassKey, part is null ? known.Name : $"{known.Name}{DiffusersComponent.PartSeparator}{part}"));
        model.Metadata.Add(new(ConfigKey, config.ToJson(indented: false)));
        var context = new ModuleContext(new GraphBuilder(model), weights) { Size = options?.Size, SkipTextLayers = options?.SkipTextLayers ?? 0 };
        known.Build(new Module(context), config, part);
        weights.Complete(name => known.IsUnused(name, part));
        UsualSizes.Write(model, config.Content, part);
        KeptTensors.Write(model, context.Kept);
        return model;
    }
}
