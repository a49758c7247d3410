using System.Text.Json;
using System.Text.Json.Nodes;
using CompressTool.Recipes.Planning;
using CompressTool.Recipes.Store;

namespace CompressTool.Recipes.Execution;

/// <summary>
/// What the last run of a recipe did, in its own folder: a stamp for every stage (which tells MSBuild that it is up to date,
/// and the next run what changed) and the verdict of the gates. Nothing here is needed to be right, only to say why.
/// </summary>
/// <param name="folder">The recipe's folder below obj/compress.</param>
public sealed class RunState(string folder)
{
    private const string GatesName = "gates.json";

    /// <summary>Full path of the folder.</summary>
    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>The stamp of a stage.</summary>
    public string StampPath(string stageId) => Path.Combine(Folder, stageId + ".stamp");

    /// <summary>The key and ingredients of a stage's last run; null when there was none.</summary>
    public (string Key, JsonObject Ingredients)? LastRun(string stageId) =>
        Read(StampPath(stageId)) is { } root && (string?)root["key"] is { } key && root["ingredients"] is JsonObject ingredients ? (key, ingredients) : null;

    /// <summary>Records a stage's run.</summary>
    public void Record(PlannedStage stage, Artifact artifact) => AtomicFile.Write(StampPath(stage.Id), JsonText.Indented(new JsonObject
    {
        ["key"] = stage.Key,
        ["artifact"] = artifact.Folder,
        ["ingredients"] = stage.Ingredients.DeepClone(),
    }));

    /// <summary>The gates' verdicts of the last run, when they were given for this key and all passed; null otherwise.</summary>
    public IReadOnlyList<GateOutcome>? LastVerdict(string gatesKey)
    {
        if (Read(Path.Combine(Folder, GatesName)) is not { } root || (string?)root["key"] != gatesKey || root["gates"] is not JsonArray gates)
        {
            return null;
        }

        try
        {
            return [.. gates.Select(gate => new GateOutcome((string)gate!["kind"]!, Passed: true, (double)gate["measured"]!, (string)gate["text"]!, Cached: true))];
        }
        catch (Exception e) when (e is InvalidOperationException or NullReferenceException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Records verdicts; only a full pass is remembered.</summary>
    public void Record(string gatesKey, IReadOnlyList<GateOutcome> gates)
    {
        var path = Path.Combine(Folder, GatesName);
        if (!gates.All(gate => gate.Passed))
        {
            File.Delete(path);
            return;
        }

        AtomicFile.Write(path, JsonText.Indented(new JsonObject
        {
            ["key"] = gatesKey,
            ["gates"] = new JsonArray([.. gates.Select(gate => new JsonObject { ["kind"] = gate.Kind, ["measured"] = gate.Measured, ["text"] = gate.Text })]),
        }));
    }

    private static JsonObject? Read(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path)) as JsonObject;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}
