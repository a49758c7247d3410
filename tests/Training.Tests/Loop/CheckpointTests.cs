using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Loop;
using CompressTool.Training.Optimization;
using Events = CompressTool.Training.Tests.Loop.TrainerTests.Events;

namespace CompressTool.Training.Tests.Loop;

/// <summary>Trainings that are cut off and gone on with.</summary>
[TestClass]
public sealed class CheckpointTests
{
    public static IEnumerable<object[]> Variants =>
    [
        [ToyTraining.Options()],
        [ToyTraining.Options() with { Optimizer = new SgdOptions { LearningRate = 0.3, Momentum = 0.9 }, MicroBatch = null }],
        [ToyTraining.Options() with { Optimizer = new SgdOptions { LearningRate = 0.3 }, Average = null }],
        [ToyTraining.Options() with { Optimizer = new AdamOptions { LearningRate = 0.05, WeightDecay = 0.1 }, ClipNorm = null, Prefetch = 1 }],
    ];

    [TestMethod]
    [DynamicData(nameof(Variants))]
    public void A_training_cut_off_anywhere_ends_with_the_bits_of_an_undisturbed_one(TrainerOptions options)
    {
        using var folder = new TempFolder();
        options = options with { CheckpointFolder = folder.Path };
        foreach (var step in new[] { 2, 4, 7, 8, 21 })
        {
            Run(options, dieAfter: step);
        }

        var (resumed, bytes) = Run(options);

        Assert.AreEqual(20, resumed!.Step);
        CollectionAssert.AreEqual(ToyTraining.Undisturbed(options), bytes);
    }

    [TestMethod]
    public void The_smoothed_loss_goes_on_too()
    {
        using var folder = new TempFolder();
        (double, string) Last(TrainerOptions options, long dieAfter)
        {
            using var parameters = ToyTraining.Parameters();
            using var trainer = new Trainer(parameters, new LogisticStep(parameters), ToyTraining.Source(), options);
            var events = new Events { Seen = e => Die(e, dieAfter) };
            var curve = "";
            try
            {
                curve = string.Join(' ', trainer.Run(events).LossCurve);
            }
            catch (Killed)
            {
            }

            return (events.All[^1].SmoothedLoss, curve);
        }

        Last(ToyTraining.Options(folder.Path), 9);
        var (loss, curve) = Last(ToyTraining.Options(), long.MaxValue);
        Assert.AreEqual((loss, curve), Last(ToyTraining.Options(folder.Path), long.MaxValue));
        StringAssert.EndsWith(curve, $", {loss})");
        Assert.HasCount((int)ToyTraining.Options().Steps, curve.Split(") ("));
    }

    [TestMethod]
    public void A_cancelled_training_loses_nothing()
    {
        using var folder = new TempFolder();
        var options = ToyTraining.Options(folder.Path);
        using (var cancel = new CancellationTokenSource())
        {
            using var parameters = ToyTraining.Parameters();

            // In the middle of step 10: its first part is computed, its second not.
            var step = new LogisticStep(parameters) { Before = (call, _) => CancelAt(call == (9 * 3) + 1, cancel) };
            using var trainer = new Trainer(parameters, step, ToyTraining.Source(), options);
            Assert.ThrowsExactly<OperationCanceledException>(() => trainer.Run(null, cancel.Token));
            Assert.AreEqual(9, trainer.Step);
        }

        var (resumed, bytes) = Run(options);

        Assert.AreEqual(9, resumed!.Step);
        CollectionAssert.AreEqual(ToyTraining.Undisturbed(options), bytes);
    }

    [TestMethod]
    public void A_finished_training_is_not_run_again()
    {
        using var folder = new TempFolder();
        var options = ToyTraining.Options(folder.Path) with { Steps = 6 };
        var (_, bytes) = Run(options);

        var (resumed, again) = Run(options, dieAfter: 0);

        Assert.AreEqual(6, resumed!.Step);
        CollectionAssert.AreEqual(bytes, again);
    }

    [TestMethod]
    public void The_newest_checkpoints_are_kept()
    {
        using var folder = new TempFolder();
        Run(ToyTraining.Options(folder.Path) with { KeepCheckpoints = 3 });
        CollectionAssert.AreEqual(
            new[] { "checkpoint-0000000024.safetensors", "checkpoint-0000000028.safetensors", "checkpoint-0000000030.safetensors" },
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order().ToArray());
    }

    [TestMethod]
    public void Checkpoints_are_written_by_time_too()
    {
        using var folder = new TempFolder();
        Run(ToyTraining.Options(folder.Path) with { CheckpointEvery = 0, CheckpointInterval = TimeSpan.FromTicks(1), KeepCheckpoints = 1000 });
        Assert.HasCount(30, Directory.GetFiles(folder.Path));
    }

    [TestMethod]
    [DataRow("truncated")]
    [DataRow("empty")]
    [DataRow("one bit of a weight")]
    [DataRow("one bit of the header")]
    [DataRow("renamed")]
    [DataRow("another file")]
    public void A_damaged_checkpoint_is_left_out_for_the_one_before(string damage)
    {
        using var folder = new TempFolder();
        var options = ToyTraining.Options(folder.Path);
        Run(options, dieAfter: 9);
        var newest = folder.File("checkpoint-0000000008.safetensors");
        var bytes = File.ReadAllBytes(newest);
        switch (damage)
        {
            case "truncated":
                File.WriteAllBytes(newest, bytes[..(bytes.Length / 2)]);
                break;
            case "empty":
                File.WriteAllBytes(newest, []);
                break;
            case "one bit of a weight":
                bytes[^5000] ^= 1;
                File.WriteAllBytes(newest, bytes);
                break;
            case "one bit of the header":
                bytes[bytes.AsSpan().IndexOf("learning rate"u8) + 16] ^= 1;
                File.WriteAllBytes(newest, bytes);
                break;
            case "renamed":
                File.Move(newest, newest = folder.File("checkpoint-0000000012.safetensors"));
                break;
            default:
                SafetensorsFile.Write(newest, [new("weight", Tensor.Floats([1], 1))]);
                break;
        }

        var (resumed, result) = Run(options);

        Assert.AreEqual(4, resumed!.Step);
        Assert.HasCount(1, resumed.Skipped);
        StringAssert.Contains(resumed.Skipped[0], newest);
        StringAssert.Contains(resumed.Skipped[0], "damaged");
        CollectionAssert.AreEqual(ToyTraining.Undisturbed(options), result);
    }

    [TestMethod]
    public void A_training_is_not_started_again_in_silence_when_all_checkpoints_are_damaged()
    {
        using var folder = new TempFolder();
        var options = ToyTraining.Options(folder.Path);
        Run(options, dieAfter: 9);
        foreach (var file in Directory.GetFiles(folder.Path))
        {
            File.WriteAllText(file, "nothing");
        }

        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(options));
        Assert.AreEqual(TrainingErrors.InvalidCheckpoint, error.Code);
        StringAssert.Contains(error.Message, "checkpoint-0000000008");
    }

    [TestMethod]
    public void What_a_killed_write_left_is_cleared_away()
    {
        using var folder = new TempFolder();
        var options = ToyTraining.Options(folder.Path);
        Run(options, dieAfter: 9);
        var leftover = folder.Write("checkpoint-0000000012.safetensors.0123456789abcdef0123456789abcdef.tmp", "half");

        var (resumed, bytes) = Run(options);

        Assert.AreEqual(8, resumed!.Step);
        Assert.IsFalse(File.Exists(leftover));
        CollectionAssert.AreEqual(ToyTraining.Undisturbed(options), bytes);
    }

    [TestMethod]
    public void A_checkpoint_of_another_training_is_refused()
    {
        using var folder = new TempFolder();
        var options = ToyTraining.Options(folder.Path);
        Run(options, dieAfter: 9);
        void Fails(string expected, TrainerOptions changed, Action<ParameterSet>? prepare = null, ArraySource? source = null)
        {
            var error = Assert.ThrowsExactly<CompressToolException>(() => Run(changed, prepare: prepare, source: source));
            Assert.AreEqual(TrainingErrors.ForeignCheckpoint, error.Code);
            StringAssert.Contains(error.Message, expected);
            StringAssert.Contains(error.Message, "checkpoint-0000000008");
        }

        Fails("'learning rate' was 0.05, and is 0.06;", options with { Optimizer = new AdamWOptions { LearningRate = 0.06 } });
        Fails("'optimizer' was adamw, and is adam;", options with { Optimizer = new AdamOptions { LearningRate = 0.05 } });
        Fails("'seed' was 5, and is 6;", options with { Seed = 6 });
        Fails("'steps' was 30, and is 31;", options with { Steps = 31 });
        Fails("'average decay' was 0.9, and is none;", options with { Average = null });
        Fails("'graph' is new: abc;", options with { Fingerprint = new Dictionary<string, string> { ["graph"] = "abc" } });
        Fails("'batch size' was 8, and is 9;", options, source: ToyTraining.Source(9));
        Fails("'data label' was", options, source: ToyTraining.Source(dataSeed: 2));
        Fails("'initial parameters' was", options, parameters => parameters.Values["bias"].AsSpan<float>()[0] = 7);
        Fails("'masks' was", options, parameters => parameters.SetMask("unused", new ParameterMask(80_000) { [3] = false }));
        Assert.AreEqual(8, Run(options).Resumed!.Step);
    }

    [TestMethod]
    public void A_training_at_a_constant_rate_may_be_made_longer_but_not_shorter()
    {
        using var folder = new TempFolder();
        var options = ToyTraining.Options(folder.Path) with { Schedule = new LearningRateSchedule { WarmUpSteps = 3 }, Steps = 12 };
        Run(options);

        var (resumed, bytes) = Run(options with { Steps = 20 });
        Assert.AreEqual(12, resumed!.Step);
        CollectionAssert.AreEqual(ToyTraining.Undisturbed(options with { Steps = 20 }), bytes);

        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(options with { Steps = 11 }));
        Assert.AreEqual(TrainingErrors.ForeignCheckpoint, error.Code);
        StringAssert.Contains(error.Message, "is of step 20, and the training has 11");
    }

    [TestMethod]
    public void A_checkpoint_that_cannot_be_written_keeps_the_ones_before()
    {
        using var folder = new TempFolder();
        var options = ToyTraining.Options(folder.Path);
        Run(options, dieAfter: 9);
        Directory.CreateDirectory(folder.File("checkpoint-0000000012.safetensors"));

        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(options));

        Assert.AreEqual(OnnxErrors.WriteFailed, error.Code);
        CollectionAssert.AreEqual(
            new[] { "checkpoint-0000000004.safetensors", "checkpoint-0000000008.safetensors" },
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order().ToArray());
    }

    /// <summary>Runs until a step, where it ends as if the process died: no last checkpoint is written.</summary>
    private static (ResumedTraining? Resumed, byte[]? Bytes) Run(TrainerOptions options, long dieAfter = long.MaxValue, Action<ParameterSet>? prepare = null, ArraySource? source = null)
    {
        using var parameters = ToyTraining.Parameters();
        prepare?.Invoke(parameters);
        using var trainer = new Trainer(parameters, new LogisticStep(parameters), source ?? ToyTraining.Source(), options);
        try
        {
            trainer.Run(new Events { Seen = e => Die(e, dieAfter) });
            return (trainer.Resumed, ToyTraining.Bytes(trainer));
        }
        catch (Killed)
        {
            return (trainer.Resumed, null);
        }
    }

    private static void Die(TrainingProgress progress, long after)
    {
        if (progress.Step >= after)
        {
            throw new Killed();
        }
    }

    private static void CancelAt(bool now, CancellationTokenSource source)
    {
        if (now)
        {
            source.Cancel();
        }
    }

    private sealed class Killed : Exception;
}
