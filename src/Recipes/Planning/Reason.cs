using System.Text.Json.Nodes;
using CompressTool.Recipes.Language;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Planning;

/// <summary>Says why a stage has to run: what differs from the last time.</summary>
public static class Reason
{
    /// <summary>Compares the ingredients of a stage with those of its last run.</summary>
    /// <param name="last">The last run's; null when there was none.</param>
    /// <param name="now">The present ones.</param>
    /// <returns>E.g. <c>target.sparsity 30% -> 40%</c>, <c>input model changed</c>.</returns>
    public static string Explain(JsonObject? last, JsonObject now)
    {
        if (last is null)
        {
            return "first run";
        }

        var reasons = new List<string>();
        foreach (var name in now.Select(item => item.Key).Union(last.Select(item => item.Key)))
        {
            var (old, current) = (last[name], now[name]);
            if (!JsonNode.DeepEquals(old, current))
            {
                reasons.Add(name switch
                {
                    "kind" => $"was {old}, is {current}",
                    "options" => OptionDiff.Describe(JsonText.Compact(old ?? new JsonObject()), JsonText.Compact(current ?? new JsonObject())),
                    "input" => current?.ToString().StartsWith("model:", StringComparison.Ordinal) == true ? "input model changed" : "the stage before it changed",
                    "files" => "a file it reads changed",
                    "version" => "the method was revised",
                    "format" => "the artifact format was revised",
                    "runtime" => $"ONNX Runtime {Text(old)} -> {Text(current)}",
                    _ => $"{name} {Text(old)} -> {Text(current)}",
                });
            }
        }

        return reasons.Count == 0 ? "its artifact is no longer in the store" : string.Join(", ", reasons);
    }

    private static string Text(JsonNode? node) => node?.ToString() ?? "(none)";
}
