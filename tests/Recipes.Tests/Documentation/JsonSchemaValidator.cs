using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace CompressTool.Recipes.Tests.Documentation;

/// <summary>Validates JSON against the part of JSON Schema draft-07 that the recipe schema uses. A keyword it does not know is an error.</summary>
internal sealed class JsonSchemaValidator(JsonObject root)
{
    private static readonly string[] s_annotations = ["$schema", "title", "description", "default", "examples", "definitions", "properties", "additionalProperties"];

    /// <summary>What is wrong with a value, as lines of path and reason; empty when it is valid.</summary>
    public IReadOnlyList<string> Validate(JsonNode? value) => [.. Errors(root, value, "")];

    /// <summary>What is wrong with a value under a schema inside this one.</summary>
    public IReadOnlyList<string> Validate(JsonObject schema, JsonNode? value) => [.. Errors(schema, value, "")];

    private IEnumerable<string> Errors(JsonNode schema, JsonNode? value, string path)
    {
        if (schema is JsonValue always)
        {
            return always.GetValue<bool>() ? [] : [$"{path}: not allowed"];
        }

        var errors = schema.AsObject().SelectMany(item => Keyword(item.Key, item.Value!, value, path));
        return value is JsonObject mapping ? errors.Concat(Properties(schema.AsObject(), mapping, path)) : errors;
    }

    private IEnumerable<string> Keyword(string keyword, JsonNode rule, JsonNode? value, string path)
    {
        var text = value is JsonValue scalar && scalar.TryGetValue<string>(out var read) ? read : null;
        var number = IsNumber(value) ? decimal.Parse(value!.ToJsonString(), System.Globalization.NumberStyles.Float, null) : (decimal?)null;
        var valid = keyword switch
        {
            "type" => (rule is JsonArray types ? types.Select(type => type!.GetValue<string>()) : [rule.GetValue<string>()]).Any(type => IsType(type, value)),
            "enum" => rule.AsArray().Any(allowed => JsonNode.DeepEquals(allowed, value)),
            "pattern" => text is null || Regex.IsMatch(text, rule.GetValue<string>()),
            "minimum" => number is null || number >= rule.GetValue<decimal>(),
            "maximum" => number is null || number <= rule.GetValue<decimal>(),
            "minItems" => value is not JsonArray array || array.Count >= rule.GetValue<int>(),
            "minProperties" => value is not JsonObject least || least.Count >= rule.GetValue<int>(),
            "maxProperties" => value is not JsonObject most || most.Count <= rule.GetValue<int>(),
            "required" => value is not JsonObject owner || rule.AsArray().All(key => owner.ContainsKey(key!.GetValue<string>())),
            "propertyNames" => value is not JsonObject named || named.All(item => !Errors(rule, JsonValue.Create(item.Key), path).Any()),
            "anyOf" => rule.AsArray().Any(choice => !Errors(choice!, value, path).Any()),
            "$ref" => !Errors(root["definitions"]![rule.GetValue<string>()["#/definitions/".Length..]]!, value, path).Any(),
            "items" => true,
            _ => s_annotations.Contains(keyword) ? true : throw new NotSupportedException($"keyword {keyword}"),
        };
        var nested = keyword == "items" && value is JsonArray items ? items.SelectMany((item, i) => Errors(rule, item, $"{path}[{i}]")) : [];
        return valid ? nested : nested.Prepend($"{path}: {keyword} {rule.ToJsonString()}");
    }

    private IEnumerable<string> Properties(JsonObject schema, JsonObject value, string path) =>
        from item in value
        let rule = schema["properties"]?[item.Key] ?? schema["additionalProperties"]
        where rule is not null
        from error in Errors(rule, item.Value, $"{path}/{item.Key}")
        select error;

    private static bool IsNumber(JsonNode? value) => value?.GetValueKind() == System.Text.Json.JsonValueKind.Number;

    private static bool IsType(string type, JsonNode? value) => type switch
    {
        "null" => value is null,
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "string" => value?.GetValueKind() == System.Text.Json.JsonValueKind.String,
        "boolean" => value?.GetValueKind() is System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False,
        "number" => IsNumber(value),
        "integer" => IsNumber(value) && decimal.IsInteger(decimal.Parse(value!.ToJsonString(), System.Globalization.NumberStyles.Float, null)),
        _ => throw new NotSupportedException($"type {type}"),
    };
}
