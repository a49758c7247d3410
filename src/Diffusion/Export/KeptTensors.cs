using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Onnx;

namespace CompressTool.Diffusion.Export;

/// <summary>Small tensors of a checkpoint that the graph does not need, kept in the metadata so that a checkpoint can be written again.</summary>
internal static class KeptTensors
{
    private const string Key = "diffusers.kept";

    /// <summary>Puts tensors into the metadata of a model.</summary>
    public static void Write(Model model, IReadOnlyDictionary<string, Tensor> tensors)
    {
        if (tensors.Count > 0)
        {
            model.Metadata.Add(new(Key, new JsonObject(tensors.Select(item => KeyValuePair.Create(item.Key, (JsonNode?)new JsonObject
            {
                ["shape"] = new JsonArray([.. item.Value.Dims.Select(dim => (JsonNode)dim)]),
                ["data"] = Convert.ToBase64String(Bytes(item.Value)),
            }))).ToJsonString()));
        }
    }

    /// <summary>The tensors in the metadata of a model.</summary>
    public static IReadOnlyDictionary<string, Tensor> Read(Model model)
    {
        try
        {
            return model.Metadata.FirstOrDefault(pair => pair.Key == Key).Value is { } text && JsonNode.Parse(text) is JsonObject json
                ? json.ToDictionary(item => item.Key, item => new Tensor(DataType.Float,
                    [.. item.Value!["shape"]!.AsArray().Select(dim => (long)dim!)], new MemoryData(Convert.FromBase64String((string)item.Value["data"]!))))
                : new Dictionary<string, Tensor>();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException or NullReferenceException)
        {
            return new Dictionary<string, Tensor>();
        }
    }

    private static byte[] Bytes(Tensor tensor)
    {
        var bytes = new byte[tensor.ByteLength];
        tensor.Data.Read(0, bytes);
        return bytes;
    }
}
