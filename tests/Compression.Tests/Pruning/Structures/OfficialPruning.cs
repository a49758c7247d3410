using System.Text.Json.Nodes;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>What a version of Torch-Pruning made of a model at a ratio of 30 %.</summary>
/// <param name="Name">Model and version.</param>
/// <param name="Model">The model.</param>
/// <param name="Groups">The file with its groups and their importance.</param>
/// <param name="Results">The file with kept channels and counts.</param>
/// <param name="Folder">Where its outputs are; null when it is not known what they were computed on.</param>
/// <param name="Version">Torch-Pruning's version.</param>
internal sealed record OfficialPruning(string Name, string Model, string Groups, string Results, string? Folder, string Version)
{
    private readonly Lazy<JsonNode> _results = new(() => JsonNode.Parse(File.ReadAllText(Results))!);

    /// <summary>Whether groups of a normalisation, and heads, lose the same places.</summary>
    public bool IsAlike => Version == "1.6.1";

    public static OfficialPruning Unet2d(string version) => new(
        $"unet2d {version}", Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"), Repository.Fixture("diff-pruning", "importance.json"),
        Repository.Fixture("diff-pruning", $"pruned_v{version}.json"), Repository.Fixture("diff-pruning"), version);

    /// <summary>The trained model; null without the oracles.</summary>
    public static OfficialPruning? Fashion() => Repository.Oracle("fashion-ddpm", "diff-pruning", "importance_v1.2.5.json") is not { } json ? null : new(
        "fashion-ddpm", Repository.Oracle("fashion-ddpm", "model_op17.onnx")!, json, json, null, "1.2.5");

    public JsonNode Result(string criterion) => _results.Value[criterion]!;

    /// <summary>The outputs of the pruned model.</summary>
    public string? Output(string criterion) => Folder is null ? null : Path.Combine(Folder, $"out_{criterion}_v{Version}.npy");

    /// <summary>What the pruned model was run on.</summary>
    public IReadOnlyDictionary<string, Tensor> Inputs => new Dictionary<string, Tensor>
    {
        ["sample"] = NpyFile.Read(Path.Combine(Path.GetDirectoryName(Model)!, "io", "sample.npy")),
        ["timestep"] = NpyFile.Read(Path.Combine(Path.GetDirectoryName(Model)!, "io", "timestep.npy")),
    };

    public override string ToString() => Name;
}
