using System.Diagnostics;
using System.Globalization;
using CompressTool.Training.Loop;

namespace CompressTool.Training.Tests.Loop;

/// <summary>A training in a process of its own that is killed without warning.</summary>
[TestClass]
public sealed class KillTests
{
    private const string FolderVariable = "COMPRESSTOOL_KILLED_TRAINING";
    private const long Steps = 400;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public async Task A_training_killed_again_and_again_ends_with_the_bits_of_an_undisturbed_one()
    {
        using var folder = new TempFolder();
        long last = 0;
        var kills = 0;
        while (kills < 3)
        {
            using var process = Start(folder.Path);
            var done = last;

            // Wherever it is then: between steps, in a step, or in the middle of a write.
            while (!process.HasExited && Newest(folder.Path) < done + 5)
            {
                await Task.Delay(1, TestContext.CancellationToken);
            }

            await Task.Delay(kills * 7, TestContext.CancellationToken);
            Assert.IsFalse(process.HasExited, "it ended before it could be killed");
            process.Kill();
            await process.WaitForExitAsync(TestContext.CancellationToken);
            kills++;
            last = Newest(folder.Path);
            TestContext.WriteLine($"killed after a checkpoint at step {last}");
        }

        using var parameters = ToyTraining.Parameters();
        using var trainer = new Trainer(parameters, new LogisticStep(parameters), ToyTraining.Source(), Options(folder.Path));
        trainer.Run(null, TestContext.CancellationToken);

        Assert.IsGreaterThanOrEqualTo(15, trainer.Resumed!.Step);
        Assert.IsLessThan(Steps, trainer.Resumed.Step);
        Assert.IsEmpty(trainer.Resumed.Skipped);
        CollectionAssert.AreEqual(ToyTraining.Undisturbed(Options(null)), ToyTraining.Bytes(trainer));
        Assert.HasCount(2, Directory.GetFiles(folder.Path));
    }

    /// <summary>What the killed process does; nothing in an ordinary run of the tests.</summary>
    [TestMethod]
    public void The_training_that_is_killed()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is not { } folder)
        {
            return;
        }

        using var parameters = ToyTraining.Parameters();
        var step = new LogisticStep(parameters) { Before = (_, _) => Thread.Sleep(2) };
        using var trainer = new Trainer(parameters, step, ToyTraining.Source(), Options(folder));
        trainer.Run();
    }

    private static TrainerOptions Options(string? folder) => ToyTraining.Options(folder, Steps) with { CheckpointEvery = 1 };

    private static Process Start(string folder)
    {
        var self = typeof(KillTests).Assembly.Location;
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { "exec", self, "--filter", $"FullyQualifiedName~{nameof(The_training_that_is_killed)}" })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[FolderVariable] = folder;
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static long Newest(string folder) => Directory.GetFiles(folder, "checkpoint-*.safetensors")
        .Select(file => long.Parse(Path.GetFileNameWithoutExtension(file)["checkpoint-".Length..], CultureInfo.InvariantCulture)).DefaultIfEmpty().Max();
}
