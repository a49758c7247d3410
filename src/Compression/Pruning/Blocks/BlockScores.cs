using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>What a model loses without each of its blocks, by their names; kept as a file, so that another target needs no other measurement.</summary>
/// <param name="Losses">The loss without a block, 0 or more.</param>
public sealed record BlockScores(IReadOnlyDictionary<string, double> Losses)
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "block-scores.json";

    /// <summary>The loss without a block.</summary>
    /// <exception cref="CompressToolException">The block has not been measured (CMP4004).</exception>
    public double Of(Block block) => Losses.TryGetValue(block.Name, out var loss) ? loss
        : throw new CompressToolException(CompressionErrors.UnsuitableModel, $"the block '{block.Name}' has no score{NearestName.Hint(block.Name, [.. Losses.Keys])}");

    /// <summary>Writes the scores into a file.</summary>
    public void Save(string path) => File.WriteAllText(path, new JsonObject(Losses.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value)))).ToJsonString(new JsonSerializerOptions { WriteIndented = true }));

    /// <summary>Reads scores.</summary>
    /// <exception cref="CompressToolException">The file does not hold scores (CMP4004).</exception>
    public static BlockScores Load(string path)
    {
        try
        {
            var json = (JsonObject)JsonNode.Parse(File.ReadAllText(path))!;
            return new BlockScores(json.ToDictionary(pair => pair.Key, pair => pair.Value!.GetValue<double>()));
        }
        catch (Exception e) when (e is JsonException or InvalidCastException or InvalidOperationException or FormatException or NullReferenceException)
        {
            throw new CompressToolException(CompressionErrors.UnsuitableModel, string.Create(CultureInfo.InvariantCulture, $"'{path}' does not hold the scores of blocks: {e.Message}"), inner: e);
        }
    }
}
