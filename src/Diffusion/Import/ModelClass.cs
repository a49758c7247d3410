using System.Text.Json.Nodes;
using CompressTool.Diffusion.Export;
using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Diffusion.Import.Models;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Import;

/// <summary>A class of models of diffusers or transformers.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Build">Builds the graph of a model or of a part of it.</param>
internal sealed record ModelClass(string Name, Action<Module, ConfigFile, string?> Build)
{
    /// <summary>Parts that are models of their own.</summary>
    public IReadOnlyList<string> Parts { get; init; } = [];

    /// <summary>Whether a tensor of a checkpoint is none of a model's business: it belongs to another part, or means nothing.</summary>
    public Func<string, string?, bool> IsUnused { get; init; } = (_, _) => false;

    /// <summary>Changes a configuration to have the layers that are left, by the names of the parameters that are left.</summary>
    public Action<JsonObject, ParameterTree> Reduce { get; init; } = (_, _) => { };

    /// <summary>The name of the weight file, without extension.</summary>
    public string WeightName { get; init; } = "diffusion_pytorch_model";

    /// <summary>All that are known.</summary>
    public static IReadOnlyDictionary<string, ModelClass> All { get; } = new ModelClass[]
    {
        new("UNet2DModel", (m, file, _) => UNet2D.Build(m, file)) { Reduce = Reductions.UNet2D },
        new("UNet2DConditionModel", (m, file, _) => UNet2DCondition.Build(m, file)) { Reduce = Reductions.UNet2DCondition },
        new("AutoencoderKL", Autoencoder.Build) { Parts = [Autoencoder.Encoder, Autoencoder.Decoder], IsUnused = Autoencoder.IsOfOtherPart, Reduce = Reductions.Autoencoder },
        new("DiTTransformer2DModel", (m, file, _) => DiT.Build(m, file)) { Reduce = Reductions.Transformer },
        new("Transformer2DModel", (m, file, _) => DiT.BuildTransformer2D(m, file)) { Reduce = Reductions.Transformer },
        new("SD3Transformer2DModel", (m, file, _) => SD3.Build(m, file)) { Reduce = Reductions.Transformer },
        new("FluxTransformer2DModel", (m, file, _) => Flux.Build(m, file)) { Reduce = Reductions.Flux },
        new("PriorTransformer", (m, file, _) => Prior.Build(m, file)) { Reduce = Reductions.Transformer },
        Text("CLIPTextModel", projection: false),
        Text("CLIPTextModelWithProjection", projection: true),
    }.ToDictionary(known => known.Name);

    private static ModelClass Text(string name, bool projection) =>
        new(name, (m, file, _) => ClipText.Build(m, file, projection)) { IsUnused = (tensor, _) => ClipText.IsUnused(tensor), Reduce = Reductions.ClipText, WeightName = "model" };

    /// <summary>Finds a class.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="place">Where it is asked for, for the message.</param>
    /// <exception cref="CompressToolException">It is not supported (CMP8003).</exception>
    public static ModelClass Find(string name, string place) => All.GetValueOrDefault(name)
        ?? throw new CompressToolException(DiffusionErrors.UnknownClass, $"'{place}' is of the class {name}, which is not supported{NearestName.Hint(name, [.. All.Keys])}");
}
