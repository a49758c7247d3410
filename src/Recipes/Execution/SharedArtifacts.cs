using System.Text.Json.Nodes;
using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Execution;

/// <summary>What is made once and kept in the store beside the models of stages.</summary>
public static class SharedArtifacts
{
    /// <summary>The folder of an artifact: found in the store by what it is made of, or made now.</summary>
    /// <param name="store">The store.</param>
    /// <param name="wanted">The artifact.</param>
    /// <param name="waiting">Called once when another process has been making it for two seconds.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="CompressToolException">The disk is full, or what making it throws; nothing is left behind then.</exception>
    public static string Share(this ArtifactStore store, SharedArtifact wanted, Action? waiting, CancellationToken cancellationToken)
    {
        var ingredients = new JsonObject { ["format"] = StageKey.Format, ["kind"] = wanted.Kind };
        foreach (var (name, value) in wanted.Ingredients.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            ingredients[name] = value;
        }

        var key = StageKey.Of(ingredients);
        if (store.Find(key) is { } present)
        {
            return present.Folder;
        }

        using var alone = store.Lock(key, waiting, cancellationToken);
        return (store.Find(key) ?? store.Commit(key, folder =>
        {
            wanted.Make(folder);
            var files = new DirectoryInfo(folder).GetFiles().OrderBy(file => file.Name, StringComparer.Ordinal).Select(file => new ArtifactFile(file.Name, file.Length, FileHashes.Sha256(file.FullName, cancellationToken)));
            return new Artifact(folder, key, wanted.Kind, ingredients, [.. files], [], []);
        })).Folder;
    }
}
