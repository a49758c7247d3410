using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CompressTool.Recipes.Reports;

/// <summary>Options and metrics as lines of a list: the path of each value, and the value.</summary>
internal static class FlatJson
{
    /// <summary>The values inside; nothing for null and for what is empty.</summary>
    /// <param name="node">The JSON.</param>
    /// <param name="path">The path of it.</param>
    public static IEnumerable<FlatValue> Of(JsonNode? node, string path = "") => node switch
    {
        null or JsonObject { Count: 0 } or JsonArray { Count: 0 } => [],
        JsonObject map => map.SelectMany(pair => Of(pair.Value, path.Length == 0 ? pair.Key : $"{path}.{pair.Key}")),
        _ => [new FlatValue(path, node)],
    };
}

/// <summary>A value with its path.</summary>
/// <param name="Path">The path, e.g. <c>target.sparsity</c>.</param>
/// <param name="Value">A number, a text, true or false, or a list.</param>
internal sealed record FlatValue(string Path, JsonNode Value)
{
    private const int ShownItems = 12;

    /// <summary>The path of a metric as words: <c>perImage.zerosBefore</c> is per image: zeros before.</summary>
    public string Words => ToWords(Path.Replace(".", ": ", StringComparison.Ordinal));

    /// <summary>The value as people read it: shares as percent, bytes as MB.</summary>
    public string Text => Write(Value);

    /// <summary>Words of a name in camel case.</summary>
    public static string ToWords(string name)
    {
        var words = new StringBuilder();
        foreach (var (index, c) in name.Index())
        {
            _ = char.IsAsciiLetterUpper(c) && index > 0 && (char.IsAsciiLetterLower(name[index - 1]) || char.IsAsciiDigit(name[index - 1])) ? words.Append(' ').Append(char.ToLowerInvariant(c)) : words.Append(c);
        }

        return words.ToString();
    }

    private string Write(JsonNode? node) => node switch
    {
        null => "none",
        JsonArray list => string.Join(", ", list.Take(ShownItems).Select(Write)) + (list.Count > ShownItems ? $" and {list.Count - ShownItems} more" : ""),
        JsonObject map => string.Join(", ", map.Select(pair => $"{pair.Key}: {Write(pair.Value)}")),
        _ => node.GetValueKind() switch
        {
            JsonValueKind.String => (string)node!,
            JsonValueKind.True => "yes",
            JsonValueKind.False => "no",
            _ => Number(node),
        },
    };

    private string Number(JsonNode node)
    {
        var name = Path[(Path.LastIndexOf('.') + 1)..];
        var text = node.ToJsonString();
        var number = double.Parse(text, CultureInfo.InvariantCulture);
        return name.Contains("bytes", StringComparison.OrdinalIgnoreCase) ? Units.Bytes(number)
            : name.Contains("macs", StringComparison.OrdinalIgnoreCase) ? Units.Scaled(number)
            : name.StartsWith("sparsity", StringComparison.Ordinal) ? Units.Percent(number)
            : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? (Math.Abs(whole) < 10_000 ? text : Units.Count(whole))
            : Units.Significant(number);
    }
}
