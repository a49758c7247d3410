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
            var delay = duration * (0.2 + (random.NextDouble() * 0.8));
            var duringWork = i % 2 == 0;
            await Start(folder, async process =>
            {
                // Half of the kills come at any time, half a random moment after the first stage began to write.
                if (duringWork)
                {
                    await WorkBegun(folder, process);
                    delay = duration * (random.NextDouble() * 0.3);
                }

                await Task.Delay(delay);
                process.Kill();
            });
            partial += folder.Results().Count is var files && files > 0 && files < expected.Count ? 1 : 0;

            (await ToolRunner.RunAsync("run", folder.Recipe, "--output", folder.Output)).Expect(0);

            CollectionAssert.AreEqual(expected, folder.Results(), $"after a kill at {delay}");
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

    private static async Task WorkBegun(RunFolder folder, Process process)
    {
        var temporary = Path.Combine(folder.Path, "obj", "compress", "store", "tmp");
        while (!process.HasExited && !(Directory.Exists(temporary) && Directory.EnumerateDirectories(temporary).Any()))
        {
            await Task.Delay(1);
        }
    }

    private static Task<ToolResult> Start(RunFolder folder, Func<Process, Task>? started) =>
        ToolRunner.StartAsync(folder.Path, started, "run", folder.Recipe, "--output", folder.Output);
}
