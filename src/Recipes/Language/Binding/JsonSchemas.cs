using System.Text.Json.Nodes;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;

namespace CompressTool.Recipes.Language.Binding;

/// <summary>What a schema depends on besides the types.</summary>
/// <param name="Stages">The kinds of stages.</param>
/// <param name="Gates">The kinds of gates.</param>
internal sealed record SchemaContext(IReadOnlyList<IStage> Stages, IReadOnlyList<IGate> Gates);

/// <summary>The pieces that JSON schemas of option types are made of.</summary>
internal static class JsonSchemas
{
    public const string NumberPattern = "^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?";

    public const string SizePattern = "^[+]?([0-9]+[.]?[0-9]*|[.][0-9]+) *([kKmMgGtT][iI]?)?[bB]$";

    /// <summary>The definition that <see cref="Variable"/> refers to: text that uses a variable; only binding knows its value.</summary>
    public static JsonObject VariableDefinition() => Pattern(@"\$\{[^}]+\}");

    public static JsonObject Variable() => new() { ["$ref"] = "#/definitions/variable" };

    public static JsonObject Pattern(string pattern) => new() { ["type"] = "string", ["pattern"] = pattern };

    public static JsonObject Number(OptionAttribute limits)
    {
        var schema = new JsonObject { ["type"] = "number" };
        if (double.IsFinite(limits.Min))
        {
            schema["minimum"] = limits.Min;
        }

        if (double.IsFinite(limits.Max))
        {
            schema["maximum"] = limits.Max;
        }

        return schema;
    }

    /// <summary>One of several schemas; those that are a choice themselves are taken apart.</summary>
    public static JsonObject AnyOf(params ReadOnlySpan<JsonObject> schemas)
    {
        var choices = new JsonArray();
        foreach (var schema in schemas)
        {
            if (schema.Count == 1 && schema["anyOf"] is JsonArray inner)
            {
                foreach (var choice in inner.ToArray())
                {
                    inner.Remove(choice);
                    AddNew(choices, choice!);
                }
            }
            else
            {
                AddNew(choices, schema);
            }
        }

        return new JsonObject { ["anyOf"] = choices };
    }

    private static void AddNew(JsonArray choices, JsonNode choice)
    {
        if (!choices.Any(known => JsonNode.DeepEquals(known, choice)))
        {
            choices.Add(choice);
        }
    }
}
