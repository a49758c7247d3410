namespace CompressTool.Training.Loop;

/// <summary>How fast the last steps were. Evaluations and checkpoints between them count, as they will in the time left.</summary>
internal sealed class Pace(TimeProvider clock)
{
    private const int Window = 50;

    private readonly Queue<(long Time, long Samples)> _marks = new([(clock.GetTimestamp(), 0)]);
    private long _samples;

    /// <summary>Counts a step.</summary>
    /// <returns>Samples a second, and the time of a step.</returns>
    public (double SamplesPerSecond, TimeSpan Step) Add(int samples)
    {
        _samples += samples;
        var now = clock.GetTimestamp();
        var (since, before) = _marks.Peek();
        var elapsed = clock.GetElapsedTime(since, now);
        var steps = _marks.Count;
        _marks.Enqueue((now, _samples));
        if (_marks.Count > Window)
        {
            _marks.Dequeue();
        }

        return (elapsed > TimeSpan.Zero ? (_samples - before) / elapsed.TotalSeconds : 0, elapsed / steps);
    }
}
