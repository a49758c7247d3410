using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Language;

/// <summary>A recipe as read from its file: valid in itself, but none of the files that it names has been looked at.</summary>
public sealed record Recipe
{
    /// <summary>The name: the recipe's file name without <c>.compress.yml</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Full path of the recipe.</summary>
    public required string Path { get; init; }

    /// <summary>The model to compress.</summary>
    public required RecipePath Model { get; init; }

    /// <summary>Whether <see cref="Model"/> is a diffusers folder, perhaps with a component behind it (folder#unet).</summary>
    public required bool ModelIsFolder { get; init; }

    /// <summary>All randomness of the recipe derives from it.</summary>
    public required long Seed { get; init; }

    /// <summary>Given inputs for gates; null when they are drawn at random.</summary>
    public required InputFiles? Inputs { get; init; }

    /// <summary>The values of the variables, overrides applied.</summary>
    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    /// <summary>The stages in order; at least one.</summary>
    public required IReadOnlyList<RecipeStage> Stages { get; init; }

    /// <summary>The gates in order.</summary>
    public required IReadOnlyList<RecipeGate> Gates { get; init; }

    /// <summary>What the recipe produces; at least one.</summary>
    public required IReadOnlyList<RecipeOutput> Outputs { get; init; }

    /// <summary>The format of the report beside each output; null for none.</summary>
    public ReportFormat? Report { get; init; }

    /// <summary>Every file that the recipe names, with its place: the model unless it is a folder, inputs, files in options.</summary>
    public required IReadOnlyList<RecipeFile> Files { get; init; }

    /// <summary>Every set of files that the recipe names: folders and patterns in options.</summary>
    public required IReadOnlyList<RecipeFiles> FileSets { get; init; }

    /// <summary>The places of the values outside stages and gates, by path: <c>model</c>, <c>data.inputs.sample</c>, <c>outputs[0].name</c>.</summary>
    public required BoundOptions Positions { get; init; }
}

/// <summary>A stage of a recipe.</summary>
/// <param name="Stage">The method.</param>
/// <param name="Options">Its options.</param>
public sealed record RecipeStage(IStage Stage, BoundOptions Options);

/// <summary>A gate of a recipe.</summary>
/// <param name="Gate">The check.</param>
/// <param name="Options">Its options.</param>
public sealed record RecipeGate(IGate Gate, BoundOptions Options);

/// <summary>The format of an output.</summary>
public enum OutputFormat
{
    /// <summary>An ONNX model.</summary>
    [OptionName("onnx", Description = "An ONNX model.")]
    Onnx,

    /// <summary>A folder that diffusers loads.</summary>
    [OptionName("diffusers", Description = "A folder that diffusers loads, with config.json and .safetensors weights, of a model that comes from one: its weights may have changed, and layers may be gone.")]
    Diffusers,
}

/// <summary>The format of a report.</summary>
public enum ReportFormat
{
    /// <summary>A page in one file.</summary>
    [OptionName("html", Description = "A page in one file.")]
    Html,
}

/// <summary>A file, or a folder, that a recipe produces.</summary>
/// <param name="Format">Its format.</param>
/// <param name="FileName">Its name, without folders.</param>
/// <param name="Location">Its place in the recipe; the recipe itself for the default output.</param>
public sealed record RecipeOutput(OutputFormat Format, string FileName, SourceLocation Location);

/// <summary>A file that a recipe names.</summary>
/// <param name="Path">The file.</param>
/// <param name="Location">Where the recipe names it.</param>
public sealed record RecipeFile(RecipePath Path, SourceLocation Location);

/// <summary>Given inputs of the model. Exactly one of the two forms is used.</summary>
/// <param name="ByName">A .npy file for each input, by input name; empty when one file holds all.</param>
/// <param name="Safetensors">One .safetensors file with a tensor for each input; null when there is a file for each.</param>
public sealed record InputFiles(IReadOnlyDictionary<string, RecipePath> ByName, RecipePath? Safetensors);
