using CompressTool.Compression.Stages;

namespace CompressTool.Tool.Output;

/// <summary>
/// Progress as lines: one at every quarter, or every half minute, and none for work that takes only a moment.
/// </summary>
internal sealed class ProgressLines(Action<string> write, TimeProvider time, string name, double total, string unit) : IStageDisplay
{
    private const double Step = 0.25;
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly long _start = time.GetTimestamp();
    private readonly ProgressPace _pace = new(time);
    private double _nextFraction = Step;
    private TimeSpan _lastLine;

    /// <inheritdoc/>
    public void Report(StageProgress value)
    {
        lock (_lock)
        {
            _pace.Add(value.Fraction);
            var elapsed = time.GetElapsedTime(_start);
            var silent = elapsed - _lastLine;
            if (value.Fraction >= 1 || silent < s_shortest || (value.Fraction < _nextFraction && silent < s_longest))
            {
                return;
            }

            _lastLine = elapsed;
            _nextFraction = (Math.Floor(value.Fraction / Step) + 1) * Step;
            write(Line(value));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private string Line(StageProgress value)
    {
        var line = $"{name}: {(int)(value.Fraction * 100)} %";
        if (_pace.PerSecond is { } perSecond && _pace.Left is { } left)
        {
            var rate = ProgressRate.Text(total * perSecond, unit);
            line += (rate.Length > 0 ? ", " + rate : "") + $", {Units.Duration(left)} left";
        }

        return value.Activity.Length > 0 ? $"{line} ({value.Activity})" : line;
    }
}

/// <summary>How fast work goes.</summary>
internal static class ProgressRate
{
    /// <summary>The rate with its unit, e.g. <c>312 MB/s</c>; empty when it is unknown.</summary>
    public static string Text(double perSecond, string unit) =>
        perSecond <= 0 || !double.IsFinite(perSecond) ? "" : Units.Scaled(perSecond, unit is "B" ? "B/s" : $" {unit}/s").Replace("  ", " ");
}
