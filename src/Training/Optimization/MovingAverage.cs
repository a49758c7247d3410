using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Training.Optimization;

/// <summary>How an exponential moving average of the parameters is kept.</summary>
public sealed record MovingAverageOptions
{
    /// <summary>How much of the average stays at each step, from 0 to less than 1; the highest when <see cref="WarmUp"/> is set.</summary>
    public double Decay { get; init; } = 0.9999;

    /// <summary>Whether the decay of step s, counted from 1, is min(decay, (1 + s) / (10 + s)), so that the start is soon forgotten; true by default.</summary>
    public bool WarmUp { get; init; } = true;

    /// <summary>The decay of a step.</summary>
    /// <param name="step">The step, counted from 1.</param>
    public double DecayAt(long step) => WarmUp ? Math.Min(Decay, (1.0 + step) / (10.0 + step)) : Decay;

    /// <summary>Checks the options.</summary>
    /// <exception cref="CompressToolException">One is out of its range (<see cref="TrainingErrors.InvalidOption"/>).</exception>
    public void Check() => Numbers.Check(Decay is >= 0 and < 1, "the decay of the moving average", Decay, "from 0 to less than 1");

    /// <summary>The options that decide the numbers, by name, in a fixed order.</summary>
    public IEnumerable<KeyValuePair<string, string>> Describe() => [new("average decay", Numbers.Text(Decay)), new("average warm-up", WarmUp ? "yes" : "no")];
}

/// <summary>
/// The exponential moving average of parameters (EMA): average = decay * average + (1 - decay) * parameters after each step,
/// made by the optimizer in its own pass. It starts as the parameters are.
/// </summary>
public sealed class MovingAverage : IDisposable
{
    /// <summary>An average of the parameters as they are now.</summary>
    /// <exception cref="CompressToolException">An option is out of its range (<see cref="TrainingErrors.InvalidOption"/>).</exception>
    public MovingAverage(ParameterSet parameters, MovingAverageOptions options)
    {
        options.Check();
        Options = options;
        Values = parameters.NewBlock();
        Values.CopyFrom(parameters.Values);
    }

    /// <summary>The options.</summary>
    public MovingAverageOptions Options { get; }

    /// <summary>The averages.</summary>
    public ParameterBlock Values { get; }

    /// <summary>Steps averaged so far, those before a resume included.</summary>
    public long StepCount { get; private set; }

    /// <summary>Goes on from a checkpoint; <see cref="Values"/> must have been filled from it.</summary>
    /// <param name="stepCount">Steps averaged before it.</param>
    public void Resume(long stepCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(stepCount);
        StepCount = stepCount;
    }

    /// <inheritdoc/>
    public void Dispose() => Values.Dispose();

    /// <summary>Counts a step and gives its decay.</summary>
    internal double Advance() => Options.DecayAt(++StepCount);
}
