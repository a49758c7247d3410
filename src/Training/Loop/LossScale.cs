using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>
/// How the loss is scaled so that small gradients do not vanish in float16 (Micikevicius et al. 2018); what comes back is
/// divided by the scale in float32. Powers of two change no digits.
/// </summary>
public sealed record LossScaleOptions
{
    /// <summary>The scale of the first step.</summary>
    public double Initial { get; init; } = 65536;

    /// <summary>
    /// Whether the scale follows the gradients: halved when one is not finite, whereupon the step is computed again, and doubled
    /// after <see cref="GrowthInterval"/> steps without that; true by default.
    /// </summary>
    public bool Dynamic { get; init; } = true;

    /// <summary>Steps in a row with finite gradients after which the scale is doubled.</summary>
    public int GrowthInterval { get; init; } = 2000;

    /// <summary>The options that decide the numbers, by name, in a fixed order.</summary>
    internal IEnumerable<KeyValuePair<string, string>> Describe() =>
        [new("loss scale", Numbers.Text(Initial)), new("loss scale growth", Dynamic ? Numbers.Text(GrowthInterval) : "none")];

    /// <summary>Checks the options.</summary>
    /// <exception cref="CompressToolException">One is out of its range (<see cref="TrainingErrors.InvalidOption"/>).</exception>
    internal void Check()
    {
        Numbers.Check(Initial is > 0 and <= float.MaxValue, "the loss scale", Initial, "more than 0");
        Numbers.Check(GrowthInterval >= 1, "the number of steps until the loss scale grows", GrowthInterval, "1 or more");
    }
}

/// <summary>The scale as it stands, and the steps since it last changed.</summary>
/// <param name="Value">The scale; 1 when the loss is not scaled.</param>
/// <param name="Steps">Steps with finite gradients in a row.</param>
internal readonly record struct LossScale(double Value, long Steps)
{
    /// <summary>Below this no gradient vanishes that would be there without scaling.</summary>
    private const double Lowest = 1;

    /// <summary>Above this the scaled loss itself leaves float32.</summary>
    private const double Highest = 1L << 40;

    /// <summary>The scale of the first step.</summary>
    public static LossScale First(LossScaleOptions? options) => new(options?.Initial ?? 1, 0);

    /// <summary>The scale after a gradient that was not finite; null when it cannot be the scale's fault.</summary>
    public LossScale? Lowered(LossScaleOptions? options) => options is { Dynamic: true } && Value > Lowest ? new LossScale(Value / 2, 0) : null;

    /// <summary>The scale after a step with finite gradients.</summary>
    public LossScale AfterStep(LossScaleOptions? options) =>
        options is not { Dynamic: true } ? this : Steps + 1 < options.GrowthInterval || Value >= Highest ? this with { Steps = Steps + 1 } : new LossScale(Value * 2, 0);
}

/// <summary>A step whose gradients can be scaled.</summary>
public interface IScaledTrainingStep : ITrainingStep
{
    /// <summary>Whether they can; <see cref="LossScale"/> stays 1 otherwise.</summary>
    bool CanScale { get; }

    /// <summary>What the gradients are multiplied by, from the loss on; 1 at first. The loss that is told is not.</summary>
    double LossScale { get; set; }
}
