using System.Text.Json;
using System.Text.Json.Nodes;

namespace CompressTool.Recipes.Store;

/// <summary>A file of an artifact.</summary>
/// <param name="Name">File name inside the artifact's folder.</param>
/// <param name="Bytes">Length.</param>
/// <param name="Sha256">SHA-256 of the content, lower-case hexadecimal.</param>
public sealed record ArtifactFile(string Name, long Bytes, string Sha256);

/// <summary>A warning that was given while an artifact was made, kept so that a cache hit can repeat it.</summary>
/// <param name="Code">Its code.</param>
/// <param name="Message">Its text.</param>
/// <param name="OptionPath">The option it is about; null for the stage as a whole.</param>
public sealed record ArtifactWarning(string Code, string Message, string? OptionPath);

/// <summary>
/// What one stage made: a folder with the model, and stage.json saying what it is and where it comes from. Immutable. All
/// of stage.json is determined by the stage's key: no times, no paths.
/// </summary>
/// <param name="Folder">Full path of the folder.</param>
/// <param name="Key">The stage key.</param>
/// <param name="Kind">The stage's kind.</param>
/// <param name="Ingredients">What the key was made of.</param>
/// <param name="Files">The files, the model first.</param>
/// <param name="Metrics">What the stage reported.</param>
/// <param name="Warnings">The warnings given.</param>
public sealed record Artifact(
    string Folder, string Key, string Kind, JsonObject Ingredients, IReadOnlyList<ArtifactFile> Files, JsonObject Metrics, IReadOnlyList<ArtifactWarning> Warnings)
{
    /// <summary>Name of the description in an artifact's folder; it is written last.</summary>
    public const string DescriptionName = "stage.json";

    /// <summary>Name of the model in an artifact's folder.</summary>
    public const string ModelName = "model.onnx";

    private const int SchemaVersion = 1;

    /// <summary>Full path of the model.</summary>
    public string ModelPath => Path.Combine(Folder, ModelName);

    /// <summary>The model and its weights, without what a stage put beside them.</summary>
    public IEnumerable<ArtifactFile> ModelFiles => Files.Where(file => file.Name.StartsWith(ModelName, StringComparison.Ordinal));

    /// <summary>Whether the weights are in a file of their own.</summary>
    public bool HasWeightFile => ModelFiles.Skip(1).Any();

    /// <summary>Bytes of the model with its weights.</summary>
    public long Bytes => ModelFiles.Sum(file => file.Bytes);

    /// <summary>Reads the description in a folder; null when there is no complete artifact.</summary>
    internal static Artifact? Read(string folder)
    {
        try
        {
            var root = JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, DescriptionName)))!.AsObject();
            if ((int?)root["schemaVersion"] != SchemaVersion)
            {
                return null;
            }

            var files = root["files"]!.AsArray().Select(file => new ArtifactFile((string)file!["name"]!, (long)file["bytes"]!, (string)file["sha256"]!)).ToList();
            var complete = files.All(file => new FileInfo(Path.Combine(folder, file.Name)) is { Exists: true } info && info.Length == file.Bytes);
            return !complete ? null : new Artifact(
                folder, (string)root["key"]!, (string)root["kind"]!, root["ingredients"]!.AsObject(), files, root["metrics"]!.AsObject(),
                [.. root["warnings"]!.AsArray().Select(warning => new ArtifactWarning((string)warning!["code"]!, (string)warning["message"]!, (string?)warning["option"]))]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or NullReferenceException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Writes the description, which makes the folder an artifact.</summary>
    internal void WriteDescription()
    {
        var root = new JsonObject
        {
            ["schemaVersion"] = SchemaVersion,
            ["key"] = Key,
            ["kind"] = Kind,
            ["ingredients"] = Ingredients.DeepClone(),
            ["files"] = new JsonArray([.. Files.Select(file => new JsonObject { ["name"] = file.Name, ["bytes"] = file.Bytes, ["sha256"] = file.Sha256 })]),
            ["metrics"] = Metrics.DeepClone(),
            ["warnings"] = new JsonArray([.. Warnings.Select(warning => new JsonObject { ["code"] = warning.Code, ["message"] = warning.Message, ["option"] = warning.OptionPath })]),
        };
        AtomicFile.WriteThrough(Path.Combine(Folder, DescriptionName), JsonText.Indented(root));
    }

    /// <summary>Compares the files with their hashes.</summary>
    /// <returns>The name of the first file that differs; null when all are as they were made.</returns>
    public string? FindDamage(CancellationToken cancellationToken)
    {
        foreach (var file in Files)
        {
            if (FileHashes.Sha256(Path.Combine(Folder, file.Name), cancellationToken) != file.Sha256)
            {
                return file.Name;
            }
        }

        return null;
    }
}
