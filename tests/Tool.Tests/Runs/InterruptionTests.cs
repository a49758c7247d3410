using System.Diagnostics;
using CompressTool.Tool.Tests.Infrastructure;

namespace CompressTool.Tool.Tests.Runs;

/// <summary>Killed, cancelled and concurrent runs: nothing half-done is ever taken for a result, and nothing is done twice.</summary>
[TestClass]
public sealed class InterruptionTests
{
    private const int Kills = 50;
    private const string Stages = """
          - prune: { structure: weights, criterion: magnitude, target: { sparsity: 30% } }
          - prune: { structure: weights, criterion: magnitude, target: { sparsity: 50% }, scope: global }
          - prune: { structure: weights, criterion: magnitude, target: { sparsity: 70% } }
        """;

    [TestMethod]
    [DoNotParallelize]
    public async Task Killed_run_is_completed_by_the_next_one_with_the_same_bytes()
    {
        using var undisturbed = new RunFolder(Stages);
        var watch = Stopwatch.StartNew();
        (await Start(undisturbed, null)).Expect(0);
        var duration = watch.Elapsed;
        var expected = undisturbed.Results();
        var random = new Random(1);
        var partial = 0;
        for (var i = 0; i < Kills; i++)
        {
            using var folder = new RunFolder(Stages);
            var kill = (Moment)(i % Enum.GetValues<Moment>().Length);
            var delay = TimeSpan.Zero;
            await Start(folder, async process =>
            {
                var started = Stopwatch.StartNew();
                await Reached(kill, folder, process);

                // Shares of the time that this very run took to get there, so that load moves the kills with the work.
                delay = kill == Moment.AnyTime ? duration * random.NextDouble() : started.Elapsed * (random.NextDouble() * 0.1);
                await Task.Delay(delay);
                process.Kill();
            });
            partial += folder.Results().Count is var files && files > 0 && files < expected.Count ? 1 : 0;

            (await ToolRunner.RunAsync("run", folder.Recipe, "--output", folder.Output)).Expect(0);

            CollectionAssert.AreEqual(expected, folder.Results(), $"after a kill {delay} after {kill}");
            Assert.IsEmpty(Directory.GetDirectories(Path.Combine(folder.Path, "obj", "compress", "store", "tmp")), "a killed run's folder was not replaced");
        }

        // Otherwise the kills would all have come before or after the work and shown nothing.
        Assert.IsGreaterThan(0, partial);
    }

    [TestMethod]
    public async Task Two_runs_at_once_do_the_work_once()
    {
        using var folder = new RunFolder(Stages);

        var runs = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => ToolRunner.StartAsync(folder.Path, (Func<Process, Task>?)null, "run", folder.Recipe, "--json")));

        var built = runs.SelectMany(run => run.Expect(0).Json["stages"]!.AsArray()).Where(stage => (string?)stage!["status"] == "built").Select(stage => (string?)stage!["name"]).Order();
        CollectionAssert.AreEqual(new[] { "01-prune", "02-prune", "03-prune" }, built.ToArray());
    }

    [TestMethod]
    public async Task Cancelled_run_says_so_and_keeps_what_was_finished()
    {
        using var folder = new RunFolder(Stages);
        var cancelFile = Path.Combine(folder.Path, "cancel");
        File.WriteAllText(cancelFile, "");

        var result = await ToolRunner.RunAsync("run", folder.Recipe, "--cancel-file", cancelFile);

        Assert.AreEqual(130, result.ExitCode, result.Error);
        Assert.DoesNotContain("error", result.Error);
        (await ToolRunner.RunAsync("run", folder.Recipe)).Expect(0);
    }

    private static async Task Reached(Moment moment, RunFolder folder, Process process)
    {
        var store = Path.Combine(folder.Path, "obj", "compress", "store");
        while (!process.HasExited && !(moment switch
        {
            Moment.WorkBegun => Folders(Path.Combine(store, "tmp"), 1) > 0,
            Moment.FirstArtifact => Folders(Path.Combine(store, "artifacts"), 2) > 0,
            Moment.SecondArtifact => Folders(Path.Combine(store, "artifacts"), 2) > 1,
            _ => true,
        }))
        {
            await Task.Delay(1);
        }
    }

    private static int Folders(string path, int depth) => !Directory.Exists(path) ? 0
        : depth == 1 ? Directory.GetDirectories(path).Length
        : Directory.GetDirectories(path).Sum(folder => Folders(folder, depth - 1));

    private static Task<ToolResult> Start(RunFolder folder, Func<Process, Task>? started) =>
        ToolRunner.StartAsync(folder.Path, started, "run", folder.Recipe, "--output", folder.Output);

    /// <summary>What a kill waits for.</summary>
    private enum Moment
    {
        AnyTime,
        WorkBegun,
        FirstArtifact,
        SecondArtifact,
    }
}
