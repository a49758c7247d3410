namespace CompressTool.Tool.Output;

/// <summary>
/// How fast work goes. What was done before the first report took none of this run's time: a training that was cut off goes
/// on in the middle.
/// </summary>
internal sealed class ProgressPace(TimeProvider time)
{
    private readonly Lock _lock = new();
    private (double Fraction, long Time)? _first;
    private (double Fraction, long Time) _last;

    /// <summary>The share that is done in a second; null when nothing tells it yet.</summary>
    public double? PerSecond
    {
        get
        {
            lock (_lock)
            {
                return _first is { } first && _last.Fraction > first.Fraction && time.GetElapsedTime(first.Time, _last.Time) is { Ticks: > 0 } elapsed
                    ? (_last.Fraction - first.Fraction) / elapsed.TotalSeconds : null;
            }
        }
    }

    /// <summary>The time that the rest will take; null when nothing tells it yet, or it is beyond what can be said.</summary>
    public TimeSpan? Left
    {
        get
        {
            lock (_lock)
            {
                return PerSecond is { } perSecond && (1 - _last.Fraction) / perSecond is var seconds and < 1e9 ? TimeSpan.FromSeconds(Math.Max(0, seconds)) : null;
            }
        }
    }

    /// <summary>Notes how much is done now.</summary>
    public void Add(double fraction)
    {
        lock (_lock)
        {
            _last = (fraction, time.GetTimestamp());
            _first ??= _last;
        }
    }
}
