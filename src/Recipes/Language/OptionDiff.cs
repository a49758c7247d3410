using System.Text.Json;
using CompressTool.Compression.Options;

namespace CompressTool.Recipes.Language;

/// <summary>Says in a few words how the options of a stage changed, from their canonical texts.</summary>
public static class OptionDiff
{
    private const int MaxChanges = 3;
    private const int MaxLength = 40;

    /// <summary>The changes, e.g. <c>target.sparsity 30% -> 40%</c>; empty when there are none.</summary>
    /// <param name="oldJson">The canonical text before (see <see cref="CanonicalOptions.Write"/>).</param>
    /// <param name="newJson">The canonical text now.</param>
    public static string Describe(string oldJson, string newJson)
    {
        using var oldDocument = JsonDocument.Parse(oldJson);
        using var newDocument = JsonDocument.Parse(newJson);
        var changes = new List<string>();
        Compare(oldDocument.RootElement, newDocument.RootElement, "", changes);
        var more = changes.Count > MaxChanges ? $" and {changes.Count - MaxChanges} more" : "";
        return string.Join(", ", changes.Take(MaxChanges)) + more;
    }

    private static void Compare(JsonElement? before, JsonElement? after, string path, List<string> changes)
    {
        var isObject = before is { ValueKind: JsonValueKind.Object } || after is { ValueKind: JsonValueKind.Object };
        if (isObject && IsObjectOrNothing(before) && IsObjectOrNothing(after))
        {
            foreach (var key in Keys(before).Union(Keys(after)).Order(StringComparer.Ordinal))
            {
                Compare(Get(before, key), Get(after, key), path.Length == 0 ? key : $"{path}.{key}", changes);
            }
        }
        else if (before?.GetRawText() != after?.GetRawText() && !(IsNothing(before) && IsNothing(after)))
        {
            var (was, now) = (Show(before), Show(after));
            changes.Add(was == now ? $"{path} changed slightly" : $"{path} {was} -> {now}");
        }
    }

    private static bool IsNothing(JsonElement? element) => element is null or { ValueKind: JsonValueKind.Null };

    private static bool IsObjectOrNothing(JsonElement? element) => IsNothing(element) || element is { ValueKind: JsonValueKind.Object };

    private static IEnumerable<string> Keys(JsonElement? element) =>
        element is { ValueKind: JsonValueKind.Object } value ? value.EnumerateObject().Select(property => property.Name) : [];

    private static JsonElement? Get(JsonElement? element, string key) =>
        element is { ValueKind: JsonValueKind.Object } value && value.TryGetProperty(key, out var found) ? found : null;

    private static string Show(JsonElement? element)
    {
        var text = element switch
        {
            null or { ValueKind: JsonValueKind.Null } => "none",
            { ValueKind: JsonValueKind.String } value => ShowText(value.GetString()!),
            { } value => value.GetRawText(),
        };
        return text.Length <= MaxLength ? text : text[..(MaxLength - 1)] + "…";
    }

    private static string ShowText(string text) =>
        text.EndsWith('%') && Fraction.TryParse(text, out var share) ? share.ToString()
        : text.EndsWith(" B", StringComparison.Ordinal) && ByteSize.TryParse(text, out var size) ? size.ToString()
        : text.Length == 0 ? "\"\"" : text;
}
