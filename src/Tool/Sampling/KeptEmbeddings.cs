using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Text;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Execution;
using CompressTool.Recipes.Store;
using CompressTool.Tool.CommandLine;

namespace CompressTool.Tool.Sampling;

/// <summary>Embeddings of prompts in the artifact store, where 'cache' finds them.</summary>
internal sealed class KeptEmbeddings : EmbeddingStore
{
    private const string Kind = "prompt-embedding";

    private readonly ArtifactStore _store;
    private readonly CommandContext _context;

    private KeptEmbeddings(ArtifactStore store, CommandContext context) => (_store, _context) = (store, context);

    /// <summary>Opens the store; where there cannot be one, nothing is kept.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="context">The command.</param>
    public static EmbeddingStore Open(string folder, CommandContext context)
    {
        try
        {
            return new KeptEmbeddings(new ArtifactStore(folder), context);
        }
        catch (CompressToolException e) when (e.Code == StoreErrors.FolderUnusable)
        {
            context.Console.Info($"embeddings of prompts are not kept: {e.Message}");
            return None;
        }
    }

    /// <inheritdoc/>
    protected override string HashOf(string path) => _store.Hashes.Get(path, _context.CancellationToken);

    /// <inheritdoc/>
    protected override string FolderOf(IReadOnlyDictionary<string, string> ingredients, Action<string> make) =>
        _store.Share(new SharedArtifact(Kind, ingredients, make), () => _context.Console.Info("waiting for another process that encodes the same prompt"), _context.CancellationToken);
}
