using System.Text;
using System.Text.Json.Nodes;

namespace CompressTool.Recipes.Language.Yaml;

/// <summary>YAML as JSON, as editors see it when they check it against a schema.</summary>
internal static class YamlJson
{
    /// <summary>Parses YAML that the program itself contains, such as an example.</summary>
    /// <exception cref="InvalidOperationException">The text is not valid: a mistake in the program.</exception>
    public static JsonNode? Parse(string yaml)
    {
        var diagnostics = new DiagnosticList();
        var source = SourceText.Decode(Encoding.UTF8.GetBytes(yaml), "example", diagnostics);
        var node = source is null ? null : YamlReader.Read(source, diagnostics);
        return diagnostics.ErrorCount == 0 ? Convert(node!) : throw new InvalidOperationException($"{diagnostics.ToSorted("example")[0]} in: {yaml}");
    }

    /// <summary>Converts a node by the core schema of YAML 1.2.</summary>
    public static JsonNode? Convert(YamlNode node) => node switch
    {
        YamlMapping mapping => new JsonObject(mapping.Entries.Select(entry => KeyValuePair.Create(entry.Key.Text, Convert(entry.Value)))),
        YamlSequence sequence => new JsonArray([.. sequence.Items.Select(Convert)]),
        YamlScalar { IsNull: true } => null,
        YamlScalar scalar when YamlCore.IsText(scalar) => JsonValue.Create(scalar.Text),
        YamlScalar scalar when YamlCore.TryBoolean(scalar, out var flag) => JsonValue.Create(flag),
        YamlScalar scalar when YamlCore.TryInteger(scalar, out var integer) && integer >= long.MinValue && integer <= long.MaxValue => JsonValue.Create((long)integer),
        YamlScalar scalar when YamlCore.TryNumber(scalar, out var number) => JsonValue.Create(number),
        YamlScalar scalar => JsonValue.Create(scalar.Text),
        _ => null,
    };
}
