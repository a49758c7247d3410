using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Onnx;

namespace CompressTool.Diffusion.Export;

/// <summary>
/// The element types that the tensors of a checkpoint had. The graph has float32; the metadata keep what was there, so that what has
/// not changed can be written again as it was.
/// </summary>
internal static class StoredTypes
{
    /// <summary>The metadata key: the most frequent type, then the names of those that differ with theirs.</summary>
    private const string Key = "diffusers.types";

    /// <summary>Puts down the types of a checkpoint unless all are float32.</summary>
    public static void Write(Model model, IReadOnlyDictionary<string, DataType> types)
    {
        if (types.Values.All(type => type == DataType.Float))
        {
            return;
        }

        var usual = types.Values.GroupBy(type => type).OrderByDescending(group => group.Count()).ThenBy(group => group.Key).First().Key;
        var others = types.Where(item => item.Value != usual).OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => KeyValuePair.Create(item.Key, (JsonNode?)item.Value.DisplayName()));
        model.Metadata.Add(new(Key, new JsonObject { ["usual"] = usual.DisplayName(), ["others"] = new JsonObject(others) }.ToJsonString()));
    }

    /// <summary>The type that a tensor had; float32 when nothing else was put down.</summary>
    public static Func<string, DataType> Read(Model model)
    {
        try
        {
            if (model.Metadata.FirstOrDefault(pair => pair.Key == Key).Value is { } text && JsonNode.Parse(text) is JsonObject json)
            {
                var others = json["others"]?.AsObject().ToDictionary(item => item.Key, item => Parse((string?)item.Value)) ?? [];
                var usual = Parse((string?)json["usual"]);
                return name => others.GetValueOrDefault(name, usual);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Damaged by another program: the values are all there, as float32.
        }

        return _ => DataType.Float;
    }

    private static DataType Parse(string? name) => new[] { DataType.Float16, DataType.BFloat16, DataType.Double }.FirstOrDefault(type => type.DisplayName() == name, DataType.Float);
}
