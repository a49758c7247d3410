using System.Diagnostics;

namespace CompressTool.Tasks.Tests.Targets;

[TestClass]
[TestCategory("Integration")]
public sealed class ConcurrencyTests
{
    [TestMethod]
    public async Task Two_builds_at_once_both_succeed_and_do_the_work_once()
    {
        using var app = Consumer.Built();
        app.Write("shop.compress.yml", Consumer.Recipe.Replace("0.3", "0.7", StringComparison.Ordinal) + "  - sleep: 300\n");

        var both = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => app.Run("msbuild", "-t:CompressRecipes", "-tl:off"))));

        foreach (var build in both)
        {
            build.Succeeded();
        }

        Assert.HasCount(1, app.CallsAndWork().Where(line => line.StartsWith("built shop 01-prune", StringComparison.Ordinal)));
        app.Build();
        Assert.AreEqual("weights\nprune=0.7\nquantize=fp16\nsleep=300\n", app.Read("bin/Debug/net10.0/models/shop.onnx"));
        app.Question().Succeeded();
    }

    [TestMethod]
    public void Several_recipes_run_side_by_side_over_one_store()
    {
        using var app = Consumer.Built();
        string[] names = ["a", "b", "c"];
        foreach (var name in names)
        {
            app.Write($"{name}.compress.yml", Consumer.Recipe);
        }

        app.WriteApp(recipes: """<CompressRecipe Include="*.compress.yml" />""");
        app.Build("-m:2");

        CollectionAssert.AreEquivalent((string[])["finish a", "finish b", "finish c"], app.Calls().Where(call => call.StartsWith("finish", StringComparison.Ordinal)).ToArray());
        Assert.IsTrue(names.All(name => app.Exists($"bin/Debug/net10.0/models/{name}.onnx")));
        app.Question().Succeeded();
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    [DataRow(false, DisplayName = "dotnet alone gets the signal")]
    [DataRow(true, DisplayName = "the terminal's whole group gets the signal")]
    public async Task Ctrl_C_stops_the_work_and_loses_nothing(bool group)
    {
        using var app = Consumer.Built();
        app.Replace("shop.compress.yml", "0.3", "0.8");
        app.Replace("shop.compress.yml", "quantize: fp16", "sleep: 60000");
        using var build = app.StartInGroup("build", "--no-restore", "-tl:off");
        var output = build.StandardOutput.ReadToEndAsync();
        var error = build.StandardError.ReadToEndAsync();
        var (tool, dotnet) = await Sleeping(app);

        var clock = Stopwatch.StartNew();
        Kill(group ? -dotnet.Group : dotnet.Id);
        await build.WaitForExitAsync();

        Assert.IsLessThan(15.0, clock.Elapsed.TotalSeconds);
        Assert.AreNotEqual(0, build.ExitCode);
        Assert.IsFalse(Directory.Exists($"/proc/{tool}"), "the tool still runs");
        var text = await output + await error;
        Assert.DoesNotContain("error", text);
        Assert.IsEmpty(Directory.GetFiles(app.RecipeFolder(), "cancel-*"));
        app.Calls();

        app.Replace("shop.compress.yml", "sleep: 60000", "quantize: int8");
        app.Build();
        CollectionAssert.AreEqual((string[])["plan shop", "stage shop 02-quantize", "finish shop"], app.Calls());
        Assert.AreEqual("weights\nprune=0.8\nquantize=int8\n", app.Read("bin/Debug/net10.0/models/shop.onnx"));
    }

    /// <summary>Waits until the tool sleeps; returns its id, and id and group of the dotnet that leads the group.</summary>
    private static async Task<(int Tool, (int Id, int Group) DotNet)> Sleeping(Consumer app)
    {
        for (; ; await Task.Delay(50))
        {
            if (app.ReadCallLog().FirstOrDefault(line => line.StartsWith("sleeping", StringComparison.Ordinal)) is { } line)
            {
                var tool = int.Parse(line.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture);
                var group = int.Parse(File.ReadAllText($"/proc/{tool}/stat").Split(") ")[^1].Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture);
                return (tool, (group, group));
            }
        }
    }

    private static void Kill(int target)
    {
        using var kill = Process.Start("kill", ["-INT", "--", target.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.AreEqual(0, kill.ExitCode);
    }
}
