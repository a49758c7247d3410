using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Text;

/// <summary>Keeps embeddings of prompts by what they depend on, so that a text encoder of some GB need not be loaded for a prompt that was there before.</summary>
public class EmbeddingStore
{
    /// <summary>Keeps nothing.</summary>
    public static EmbeddingStore None { get; } = new();

    /// <summary>The hash of a file's content.</summary>
    /// <param name="path">Full path.</param>
    protected virtual string HashOf(string path) => "";

    /// <summary>The folder of what has these ingredients; null when nothing is kept.</summary>
    /// <param name="ingredients">All that the content depends on, by name.</param>
    /// <param name="make">Writes the content into a folder, when it is not there yet.</param>
    /// <exception cref="CompressToolException">The folder cannot be used.</exception>
    protected virtual string? FolderOf(IReadOnlyDictionary<string, string> ingredients, Action<string> make) => null;

    internal PromptEmbedding Get(IReadOnlyList<string> files, Dictionary<string, string> ingredients, Func<PromptEmbedding> make)
    {
        ingredients["encoder"] = string.Join(' ', files.Select(HashOf));
        PromptEmbedding? made = null;
        var folder = FolderOf(ingredients, place => (made = make()).Write(place));
        return made ?? (folder is null ? make() : PromptEmbedding.Read(folder));
    }
}
