using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>How a training runs.</summary>
public sealed record TrainerOptions
{
    /// <summary>Number of steps; 0 or more.</summary>
    public required long Steps { get; init; }

    /// <summary>Decides the order of the data and every other random number.</summary>
    public ulong Seed { get; init; }

    /// <summary>The optimizer; AdamW by default.</summary>
    public OptimizerOptions Optimizer { get; init; } = new AdamWOptions();

    /// <summary>The learning rate over the steps; constant by default.</summary>
    public LearningRateSchedule Schedule { get; init; } = new();

    /// <summary>The largest norm of all gradients together; larger ones are scaled down to it. Null (the default) for no limit.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>How the loss is scaled, for gradients in float16; null (the default) when it is not. The step must be an <see cref="IScaledTrainingStep"/> that can.</summary>
    public LossScaleOptions? LossScale { get; init; }

    /// <summary>The moving average of the parameters; null (the default) for none.</summary>
    public MovingAverageOptions? Average { get; init; }

    /// <summary>Samples that are computed at once, the gradients of a batch being added up; null (the default) for the whole batch. A step of fixed shapes
    /// needs batches of a multiple of it.</summary>
    public int? MicroBatch { get; init; }

    /// <summary>Steps between evaluations; 0 (the default) for none before the last step.</summary>
    public long EvaluateEvery { get; init; }

    /// <summary>Batches read ahead; 1 or more.</summary>
    public int Prefetch { get; init; } = 2;

    /// <summary>Threads of the optimizer; 0 (the default) for one per processor. The result does not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>The folder of checkpoints, in which a training that was cut off is gone on with; null (the default) for none.</summary>
    public string? CheckpointFolder { get; init; }

    /// <summary>Steps between checkpoints; 0 (the default) for none by steps.</summary>
    public long CheckpointEvery { get; init; }

    /// <summary>Time between checkpoints; zero for none by time.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How many checkpoints are kept, the newest ones; 1 or more.</summary>
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>What else decides the result, by name, e.g. the hash of the graph: a checkpoint of a training in which it was different is refused.</summary>
    public IReadOnlyDictionary<string, string> Fingerprint { get; init; } = new Dictionary<string, string>();

    /// <summary>The options that decide the numbers, by name, in a fixed order.</summary>
    internal IEnumerable<KeyValuePair<string, string>> Describe()
    {
        IEnumerable<KeyValuePair<string, string>> own =
        [
            new("seed", $"{Seed}"),
            new("clip norm", ClipNorm is { } norm ? Numbers.Text(norm) : "none"),
            new("micro-batch", MicroBatch is { } size ? Numbers.Text(size) : "none"),
        ];

        // With a constant rate a longer training begins as the shorter one did.
        var steps = Schedule.Decay == LearningRateDecay.Constant ? [] : new[] { KeyValuePair.Create("steps", Numbers.Text(Steps)) };
        return [.. own, .. LossScale?.Describe() ?? [], .. steps, .. Optimizer.Describe(), .. Schedule.Describe(), .. Average?.Describe() ?? [new("average decay", "none")], .. Fingerprint];
    }

    /// <summary>Checks the options.</summary>
    /// <exception cref="CompressToolException">One is out of its range (<see cref="TrainingErrors.InvalidOption"/>).</exception>
    internal void Check()
    {
        Numbers.Check(Steps >= 0, "the number of steps", Steps, "0 or more");
        Numbers.Check(ClipNorm is null or > 0 and < double.PositiveInfinity, "the norm to clip gradients at", ClipNorm ?? 0, "more than 0");
        Numbers.Check(MicroBatch is null or > 0, "the micro-batch size", MicroBatch ?? 0, "1 or more");
        Numbers.Check(EvaluateEvery >= 0, "the number of steps between evaluations", EvaluateEvery, "0 or more");
        Numbers.Check(Prefetch >= 1, "the number of batches to read ahead", Prefetch, "1 or more");
        Numbers.Check(Threads >= 0, "the number of threads", Threads, "0 or more");
        Numbers.Check(CheckpointEvery >= 0, "the number of steps between checkpoints", CheckpointEvery, "0 or more");
        Numbers.Check(CheckpointInterval >= TimeSpan.Zero, "the number of seconds between checkpoints", CheckpointInterval.TotalSeconds, "0 or more");
        Numbers.Check(KeepCheckpoints >= 1, "the number of checkpoints to keep", KeepCheckpoints, "1 or more");
        LossScale?.Check();
        Optimizer.Check();
        Schedule.Check();
        Average?.Check();
    }
}
