using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CompressTool.Recipes.Store;

/// <summary>The one way JSON is written: same content, same bytes, on every platform.</summary>
public static class JsonText
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions s_compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Indented, with a line end behind it.</summary>
    public static string Indented(JsonNode node) => node.ToJsonString(s_indented) + "\n";

    /// <summary>On one line.</summary>
    public static string Compact(JsonNode node) => node.ToJsonString(s_compact);
}
