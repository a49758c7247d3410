using System.Text.Json;

namespace CompressTool.Testing;

/// <summary>
/// The part of a pipeline that reads prompts: text encoders of the fixtures, with tokenizers that make the tokens of their
/// reference values of the prompt <see cref="Prompt"/>.
/// </summary>
public static class TextPipeline
{
    /// <summary>The prompt whose tokens are the first row of the fixtures.</summary>
    public const string Prompt = "red bicycle";

    private const int Words = 40, Start = 37, End = 39, Padding = 1;

    /// <summary>Writes tokenizer and text_encoder, and for two encoders tokenizer_2 and text_encoder_2.</summary>
    public static void Write(TempFolder folder, bool second)
    {
        // The first row of the fixtures is 37 5 9 39, and 37 5 9 22 39 for the encoder with projection, which has the second word in two parts.
        string[] merges = ["r e", "re d</w>", "b i", "bi c", "bic y", "c l", "cl e</w>"];
        Write(folder, "", "clip-text", [.. merges, "bicy cle</w>"], new() { [5] = "red</w>", [9] = "bicycle</w>" });
        if (second)
        {
            Write(folder, "_2", "clip-projection", merges, new() { [5] = "red</w>", [9] = "bicy", [22] = "cle</w>" });
        }
    }

    private static void Write(TempFolder folder, string suffix, string fixture, string[] merges, Dictionary<int, string> words)
    {
        Directory.CreateDirectory(folder.File("text_encoder" + suffix));
        foreach (var file in Directory.GetFiles(Repository.Fixture("import", fixture)).Where(file => !file.EndsWith("gradients.json", StringComparison.Ordinal)))
        {
            File.Copy(file, folder.File("text_encoder" + suffix, Path.GetFileName(file)));
        }

        (words[Start], words[End], words[Padding]) = ("<|startoftext|>", "<|endoftext|>", "<pad>");
        var vocabulary = Enumerable.Range(0, Words).ToDictionary(id => words.GetValueOrDefault(id, $"word{id}</w>"), id => id);
        folder.Write(Path.Combine("tokenizer" + suffix, "vocab.json"), JsonSerializer.Serialize(vocabulary));
        folder.Write(Path.Combine("tokenizer" + suffix, "merges.txt"), "#version: 0.2\n" + string.Join('\n', merges) + "\n");
        folder.Write(Path.Combine("tokenizer" + suffix, "tokenizer_config.json"), """{ "model_max_length": 9, "pad_token": "<pad>", "tokenizer_class": "CLIPTokenizer" }""");
    }
}
