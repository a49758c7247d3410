using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Schedules;

/// <summary>Which timesteps of the training a sampler visits (Lin et al. 2024, table 2).</summary>
public enum TimestepSpacing
{
    /// <summary>Every so many timesteps from the first, moved by an offset.</summary>
    Leading,

    /// <summary>Every so many timesteps from the last.</summary>
    Trailing,

    /// <summary>From the first to the last.</summary>
    Linspace,
}

/// <summary>The timesteps of a sampler, the noisiest first.</summary>
/// <param name="Spacing">How they lie.</param>
/// <param name="TrainTimesteps">The number of timesteps of the training.</param>
/// <param name="Offset">How far the timesteps of <see cref="TimestepSpacing.Leading"/> are moved.</param>
internal sealed record TimestepGrid(TimestepSpacing Spacing, int TrainTimesteps, int Offset)
{
    /// <summary>Timesteps of which the last is the training's first, or close to it.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="rounded">Whether they must be whole numbers.</param>
    public double[] ToFirst(int steps, bool rounded = true)
    {
        Check(steps, TrainTimesteps);
        return Spacing switch
        {
            TimestepSpacing.Trailing => Trailing(steps, TrainTimesteps),
            TimestepSpacing.Leading => InRange(Descending(steps, i => (i * (TrainTimesteps / steps)) + Offset)),
            _ => Descending(steps, i => Line(i, steps, TrainTimesteps - 1.0, rounded)),
        };
    }

    /// <summary>Timesteps for samplers with a last noise level of their own: those of one more step, without the last.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="last">The number of timesteps that are used, from the first.</param>
    public double[] BeforeFirst(int steps, int last)
    {
        Check(steps, last - (Spacing == TimestepSpacing.Trailing ? 0 : 1));
        return Spacing switch
        {
            TimestepSpacing.Trailing => Trailing(steps, last),
            TimestepSpacing.Leading => InRange(Descending(steps + 1, i => (i * (last / (steps + 1))) + Offset)[..^1]),
            _ => Descending(steps + 1, i => Line(i, steps + 1, last - 1.0, rounded: true))[..^1],
        };
    }

    private static double[] Descending(int count, Func<int, double> value) => [.. Enumerable.Range(0, count).Select(i => value(count - 1 - i))];

    private static double Line(int i, int count, double end, bool rounded)
    {
        var value = count == 1 ? 0 : i * (end / (count - 1));
        return rounded ? Math.Round(value) : (float)value;
    }

    /// <summary>Counted by index: adding up a rounded distance gives one timestep too many for some numbers of steps.</summary>
    private double[] Trailing(int steps, int last) =>
        [.. Enumerable.Range(0, steps).Select(i => last - (i * (TrainTimesteps / (double)steps))).TakeWhile(place => place > 0).Select(place => Math.Round(place) - 1)];

    private double[] InRange(double[] timesteps) => timesteps[0] < TrainTimesteps ? timesteps
        : throw new CompressToolException(DiffusionErrors.InvalidSampling, $"with steps_offset {Offset}, {timesteps.Length} steps begin at timestep {timesteps[0]}, but the last one is {TrainTimesteps - 1}; take fewer steps");

    private static void Check(int steps, int most)
    {
        if (steps < 1 || steps > most)
        {
            throw new CompressToolException(DiffusionErrors.InvalidSampling, $"{steps} steps are not possible: from 1 to {most} are, with this sampler and schedule");
        }
    }
}
