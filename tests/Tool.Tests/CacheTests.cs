using System.Security.Cryptography;
using System.Text.Json.Nodes;
using CompressTool.Recipes.Store;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests;

[TestClass]
public sealed class CacheTests
{
    [TestMethod]
    public async Task List_shows_the_artifacts()
    {
        using var temp = new TempFolder();
        Fill(temp.Path, 3);

        var json = (await ToolRunner.RunAsync("cache", "list", "--cache", temp.Path, "--json")).Expect(0).Json;
        var text = (await ToolRunner.RunAsync("cache", "list", "--cache", temp.Path)).Expect(0).Output;

        Assert.HasCount(3, json["artifacts"]!.AsArray());
        Assert.AreEqual(3000L, (long?)json["bytes"]);
        Assert.IsTrue(File.Exists((string)json["artifacts"]![0]!["model"]!));
        Assert.Contains("prune", text);
        Assert.Contains("3 artifacts, 3.00 kB", text);
    }

    [TestMethod]
    public async Task Store_that_does_not_exist_is_empty_and_is_not_made()
    {
        using var temp = new TempFolder();
        var folder = Path.Combine(temp.Path, "store");

        Assert.HasCount(0, (await ToolRunner.RunAsync("cache", "list", "--cache", folder, "--json")).Expect(0).Json["artifacts"]!.AsArray());
        (await ToolRunner.RunAsync("cache", "clean", "--all", "--cache", folder)).Expect(0);
        (await ToolRunner.RunAsync("cache", "verify", "--cache", folder)).Expect(0);
        Assert.IsFalse(Directory.Exists(folder));
    }

    [TestMethod]
    public async Task Clean_removes_what_is_old_and_too_much()
    {
        using var temp = new TempFolder();
        var store = Fill(temp.Path, 3);
        foreach (var (artifact, _) in store.List())
        {
            Directory.SetLastWriteTimeUtc(artifact.Folder, DateTime.UtcNow.AddDays(-1));
        }

        var json = (await ToolRunner.RunAsync("cache", "clean", "--max-size", "2 kB", "--cache", temp.Path, "--json")).Expect(0).Json;
        Assert.AreEqual("""{"artifacts":1,"bytes":1000}""", json["removed"]!.ToJsonString());
        Assert.AreEqual("""{"artifacts":2,"bytes":2000}""", json["left"]!.ToJsonString());

        (await ToolRunner.RunAsync("cache", "clean", "--all", "--cache", temp.Path)).Expect(0);
        Assert.HasCount(0, store.List());
    }

    [TestMethod]
    public async Task Verify_finds_and_removes_damage()
    {
        using var temp = new TempFolder();
        var store = Fill(temp.Path, 2);
        (await ToolRunner.RunAsync("cache", "verify", "--cache", temp.Path)).Expect(0);
        var damaged = store.List()[0].Artifact;
        File.WriteAllBytes(damaged.ModelPath, new byte[1000]);

        var found = (await ToolRunner.RunAsync("cache", "verify", "--cache", temp.Path, "--json")).Expect(3);
        Assert.Contains("error CMP3104: ", found.Error);
        Assert.AreEqual(damaged.Key, (string?)found.Json["damaged"]![0]!["key"]);
        Assert.HasCount(2, store.List());

        (await ToolRunner.RunAsync("cache", "verify", "--remove", "--cache", temp.Path)).Expect(0);
        Assert.HasCount(1, store.List());
        (await ToolRunner.RunAsync("cache", "verify", "--cache", temp.Path)).Expect(0);
    }

    [TestMethod]
    [DataRow("clean", "CMP6003", "'clean' needs --max-size SIZE")]
    [DataRow("clean --all --max-size 1GB", "CMP6006", "exclude each other")]
    [DataRow("clean --max-size lots", "CMP6004", "'lots' is not a size")]
    [DataRow("clean --max-size -1", "CMP6004", "'-1' is not a size")]
    [DataRow("clear", "CMP6001", "unknown command 'clear'; did you mean 'clean'?")]
    [DataRow("", "CMP6001", "'cache' needs one of: clean, list, verify")]
    public async Task Bad_command_line_is_refused(string commandLine, string code, string message)
    {
        var result = (await ToolRunner.RunAsync(["cache", .. commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries)])).Expect(2);

        Assert.StartsWith($"error {code}: ", result.Error);
        Assert.Contains(message, result.Error);
    }

    private static ArtifactStore Fill(string folder, int count)
    {
        var store = new ArtifactStore(folder);
        for (var i = 0; i < count; i++)
        {
            var key = $"{i}{new string('a', 63)}";
            store.Commit(key, temporary =>
            {
                var path = Path.Combine(temporary, Artifact.ModelName);
                var content = new byte[1000];
                Array.Fill(content, (byte)(i + 1));
                File.WriteAllBytes(path, content);
                return new Artifact(temporary, key, "prune", new JsonObject(), [new ArtifactFile(Artifact.ModelName, 1000, Convert.ToHexStringLower(SHA256.HashData(content)))], new JsonObject(), []);
            });
        }

        return store;
    }
}
