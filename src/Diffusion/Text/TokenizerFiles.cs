using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Text;

/// <summary>The files of a tokenizer folder.</summary>
/// <param name="folder">The folder.</param>
internal sealed class TokenizerFiles(string folder)
{
    public const string VocabularyName = "vocab.json", MergesName = "merges.txt", ConfigName = "tokenizer_config.json", SpecialTokensName = "special_tokens_map.json";

    /// <summary>The number of each token.</summary>
    public Dictionary<string, int> Vocabulary()
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (token, number) in Json(VocabularyName) ?? throw Invalid(VocabularyName, "it is missing; a byte-pair tokenizer has it beside merges.txt"))
        {
            vocabulary.Add(token, number is JsonValue value && value.TryGetValue<int>(out var id) && id >= 0 ? id : throw Invalid(VocabularyName, $"the token '{token}' has no number"));
        }

        return vocabulary;
    }

    /// <summary>The rank of each pair.</summary>
    public Dictionary<(string First, string Second), int> Merges()
    {
        var ranks = new Dictionary<(string, string), int>();
        var lines = Text(MergesName) ?? throw Invalid(MergesName, "it is missing; a byte-pair tokenizer has it beside vocab.json");
        foreach (var (index, line) in lines.Split('\n').Select(line => line.TrimEnd('\r')).Index())
        {
            if (line.Length == 0 || (index == 0 && line.StartsWith("#version", StringComparison.Ordinal)))
            {
                continue;
            }

            if (line.Split(' ') is not [{ Length: > 0 } first, { Length: > 0 } second])
            {
                throw Invalid(MergesName, $"line {index + 1} is not a pair: '{line}'");
            }

            ranks.TryAdd((first, second), ranks.Count);
        }

        return ranks;
    }

    /// <summary>The settings; empty when there is no such file.</summary>
    public JsonObject Settings() => Json(ConfigName) ?? [];

    /// <summary>A special token, e.g. <c>pad_token</c>; null when no file names it.</summary>
    public string? SpecialToken(string name) =>
        new[] { Json(SpecialTokensName), Json(ConfigName) }.Select(file => Content(file?[name])).FirstOrDefault(token => token is not null);

    /// <summary>An error about a file.</summary>
    public CompressToolException Invalid(string name, string why) => new(DiffusionErrors.InvalidTokenizer, $"'{Path.Combine(folder, name)}' cannot be used: {why}");

    /// <summary>A token is a text, or an object that holds it.</summary>
    private static string? Content(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) ? text : node is JsonObject token ? Content(token["content"]) : null;

    private JsonObject? Json(string name)
    {
        try
        {
            return Text(name) is not { } text ? null : JsonNode.Parse(text) as JsonObject ?? throw Invalid(name, "it is not a JSON object");
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw Invalid(name, e.Message);
        }
    }

    private string? Text(string name)
    {
        var path = Path.Combine(folder, name);
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Invalid(name, e.Message);
        }
    }
}
