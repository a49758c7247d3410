using System.Text.Json;
using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Diffusion.Import.Models;
using CompressTool.Diffusion.Import.Weights;
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
}

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
    public const int Version = 1;

    /// <summary>The version of the standard operators in imported graphs.</summary>
    private const int Opset = 17;

    private static readonly JsonSerializerOptions s_json = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly Dictionary<string, ModelClass> s_classes = new()
    {
        ["UNet2DModel"] = new((m, file, _) => UNet2D.Build(m, file)),
        ["UNet2DConditionModel"] = new((m, file, _) => UNet2DCondition.Build(m, file)),
        ["AutoencoderKL"] = new(Autoencoder.Build) { Parts = [Autoencoder.Encoder, Autoencoder.Decoder], IsUnused = Autoencoder.IsOfOtherPart },
        ["DiTTransformer2DModel"] = new((m, file, _) => DiT.Build(m, file)),
        ["Transformer2DModel"] = new((m, file, _) => DiT.BuildTransformer2D(m, file)),
    };

    /// <summary>The classes that can be imported.</summary>
    public static IReadOnlyCollection<string> Classes => s_classes.Keys;

    /// <summary>Imports a model. The weights stay in their files, which the model closes when it is disposed.</summary>
    /// <param name="component">The model.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The model; save it to make an .onnx file.</returns>
    /// <exception cref="CompressToolException">The class is not supported (CMP8003), the configuration not understood (CMP8004, CMP8005), or
    /// the weights do not fit it (CMP8007 to CMP8010).</exception>
    public static Model Import(DiffusersComponent component, ImportOptions? options = null)
    {
        if (!s_classes.TryGetValue(component.ClassName, out var known))
        {
            throw new CompressToolException(DiffusionErrors.UnknownClass, $"'{component.Config}' is of the class {component.ClassName}, which is not supported{NearestName.Hint(component.ClassName, s_classes.Keys)}");
        }

        if (component.Part is { } part && !known.Parts.Contains(part))
        {
            throw new CompressToolException(DiffusionErrors.UnknownComponent, $"the class {component.ClassName} has no part '{part}'{NearestName.Hint(part, known.Parts)}");
        }

        var config = ConfigFile.Read(component.Config);
        var model = new Model { ProducerName = "CompressTool", IrVersion = 8 };
        try
        {
            model.OpsetImports[""] = Opset;
            model.Graph.Name = component.ClassName;
            model.Metadata.Add(new(ClassKey, component.Part is null ? component.ClassName : $"{component.ClassName}.{component.Part}"));
            model.Metadata.Add(new(ConfigKey, config.Content.ToJsonString(s_json)));
            IWeightSource weights;
            if (component.Weights is null || options?.InitSeed is not null)
            {
                weights = new FreshWeights(options?.InitSeed ?? 0);
            }
            else
            {
                var files = WeightFiles.Open(component.Weights);
                model.Own(files);
                weights = new CheckpointWeights(files);
            }

            known.Build(new Module(new GraphBuilder(model), weights), config, component.Part);
            weights.Complete(name => known.IsUnused(name, component.Part));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>A class of models.</summary>
    /// <param name="Build">Builds the graph of a model or of a part of it.</param>
    private sealed record ModelClass(Action<Module, ConfigFile, string?> Build)
    {
        /// <summary>Parts that are models of their own.</summary>
        public IReadOnlyList<string> Parts { get; init; } = [];

        /// <summary>Whether a tensor of a checkpoint is none of a part's business.</summary>
        public Func<string, string?, bool> IsUnused { get; init; } = (_, _) => false;
    }
}
