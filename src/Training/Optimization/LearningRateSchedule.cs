using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Training.Optimization;

/// <summary>How the learning rate falls after its warm-up.</summary>
public enum LearningRateDecay
{
    /// <summary>Not at all.</summary>
    Constant,

    /// <summary>In a straight line.</summary>
    Linear,

    /// <summary>Along half a cosine wave (Loshchilov and Hutter 2017, one cycle).</summary>
    Cosine,
}

/// <summary>The learning rate over a training, as a factor of the optimizer's.</summary>
public sealed record LearningRateSchedule
{
    /// <summary>How it falls after the warm-up.</summary>
    public LearningRateDecay Decay { get; init; }

    /// <summary>Steps over which it rises in a straight line from 0, which no step has, to its full height, which the last of them has.</summary>
    public long WarmUpSteps { get; init; }

    /// <summary>What is left of it behind the last step, as a fraction of its full height; 0 by default.</summary>
    public double FinalFraction { get; init; }

    /// <summary>The factor of a step.</summary>
    /// <param name="step">The step, counted from 0.</param>
    /// <param name="steps">Steps of the whole training.</param>
    public double FactorAt(long step, long steps)
    {
        if (step < WarmUpSteps)
        {
            return (step + 1.0) / WarmUpSteps;
        }

        var progress = Math.Min(1, (double)(step - WarmUpSteps) / Math.Max(1, steps - WarmUpSteps));
        return Decay switch
        {
            LearningRateDecay.Linear => FinalFraction + ((1 - FinalFraction) * (1 - progress)),
            LearningRateDecay.Cosine => FinalFraction + ((1 - FinalFraction) * 0.5 * (1 + Math.Cos(Math.PI * progress))),
            _ => 1,
        };
    }

    /// <summary>Checks the options.</summary>
    /// <exception cref="CompressToolException">One is out of its range (<see cref="TrainingErrors.InvalidOption"/>).</exception>
    public void Check()
    {
        Numbers.Check(WarmUpSteps >= 0, "the number of warm-up steps", WarmUpSteps, "0 or more");
        Numbers.Check(FinalFraction is >= 0 and <= 1, "the final fraction of the learning rate", FinalFraction, "from 0 to 1");
    }

    /// <summary>The options that decide the numbers, by name, in a fixed order.</summary>
    public IEnumerable<KeyValuePair<string, string>> Describe() =>
    [
        new("learning rate decay", $"{Decay}".ToLowerInvariant()),
        new("warm-up steps", Numbers.Text(WarmUpSteps)),
        new("final fraction", Numbers.Text(FinalFraction)),
    ];
}
