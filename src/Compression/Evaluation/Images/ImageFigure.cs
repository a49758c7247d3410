using System.Text.Json.Nodes;
using CompressTool.Diffusion.Metrics;

namespace CompressTool.Compression.Evaluation.Images;

/// <summary>A figure of a model's samples, beside that of the input model's where it has one.</summary>
/// <param name="Name">Its name, e.g. <c>shapes-fid</c>.</param>
/// <param name="Model">Of the model.</param>
/// <param name="Input">Of the recipe's input model; null where the figure compares the two, or the input model is the reference.</param>
public sealed record ImageFigure(string Name, Estimate Model, Estimate? Input)
{
    /// <summary>The figure for stage.json.</summary>
    public JsonObject ToJson()
    {
        var json = Describe(Model);
        if (Input is not null)
        {
            json["input"] = Describe(Input);
        }

        return json;
    }

    /// <summary>A figure of the metrics of a stage <c>evaluate</c>.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="json">What is told of it.</param>
    public static ImageFigure FromJson(string name, JsonObject json) => new(name, Read(json), json["input"] is JsonObject input ? Read(input) : null);

    /// <summary>Infinity, which JSON lacks, is null.</summary>
    private static JsonObject Describe(Estimate estimate) => new()
    {
        ["value"] = double.IsFinite(estimate.Value) ? estimate.Value : null,
        ["error"] = estimate.Error,
        ["count"] = estimate.Count,
    };

    private static Estimate Read(JsonObject json) => new((double?)json["value"] ?? double.PositiveInfinity, (double?)json["error"], (long)json["count"]!);
}
