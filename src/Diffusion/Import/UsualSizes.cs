using System.Text.Json.Nodes;
using CompressTool.Onnx;

namespace CompressTool.Diffusion.Import;

/// <summary>The sizes that a model's configuration says it is for, where its graph leaves them open.</summary>
internal static class UsualSizes
{
    /// <summary>Tokens of a prompt, as CLIP's text encoders give them.</summary>
    private const long PromptTokens = 77;

    public static void Write(Model model, JsonObject config, string? part)
    {
        var lengths = new Dictionary<string, long> { ["sequence"] = PromptTokens };
        if (Size(config["sample_size"]) is var (height, width))
        {
            // A decoder takes latents, which every level but the last halves.
            var levels = part == "decoder" && config["block_out_channels"] is JsonArray blocks ? blocks.Count - 1 : 0;
            (lengths["height"], lengths["width"]) = (Math.Max(height >> levels, 1), Math.Max(width >> levels, 1));
        }

        UsualDims.Write(model, lengths);
    }

    private static (long Height, long Width)? Size(JsonNode? node) => node switch
    {
        JsonValue value when value.TryGetValue<long>(out var side) && side > 0 => (side, side),
        JsonArray { Count: 2 } pair when pair[0] is JsonValue first && pair[1] is JsonValue second && first.TryGetValue<long>(out var height) && second.TryGetValue<long>(out var width) && height > 0 && width > 0 => (height, width),
        _ => null,
    };
}
