using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Language.Binding;

namespace CompressTool.Recipes.Documentation;

/// <summary>The JSON schema of recipes, with which editors complete and check them. It comes from the options records.</summary>
public static class RecipeSchema
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the schema (draft-07, which editors support best).</summary>
    /// <param name="stages">The kinds of stages; null is all.</param>
    /// <param name="gates">The kinds of gates; null is all.</param>
    public static string Write(IReadOnlyList<IStage>? stages = null, IReadOnlyList<IGate>? gates = null)
    {
        var context = new SchemaContext(stages ?? StageRegistry.All, gates ?? GateRegistry.All);
        var recipe = RecordType.Of(typeof(RecipeDocument)).Schema(new OptionAttribute(""), context);
        var schema = new JsonObject
        {
            ["$schema"] = "http://json-schema.org/draft-07/schema#",
            ["title"] = "Compression recipe",
            ["description"] = "A recipe of dotnet compress: a model, the stages that make it smaller, and the gates that it must pass.",
            ["definitions"] = new JsonObject { ["variable"] = JsonSchemas.VariableDefinition() },
        };
        foreach (var (key, value) in recipe.ToArray())
        {
            recipe.Remove(key);
            schema[key] = value;
        }

        return schema.ToJsonString(s_json) + "\n";
    }
}
