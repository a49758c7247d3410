using System.Globalization;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>
/// The smoothed loss along a training: about a hundred points at steps that depend on nothing but their number, so that a training
/// that was cut off has the same ones in the end.
/// </summary>
/// <param name="steps">Steps of the training.</param>
internal sealed class LossCurve(long steps)
{
    private const int MaxPoints = 100;

    private readonly long _every = Math.Max(1, (steps + MaxPoints - 1) / MaxPoints);
    private readonly List<(long Step, double Loss)> _points = [];

    /// <summary>The points up to now.</summary>
    public IReadOnlyList<(long Step, double Loss)> Points => _points;

    /// <summary>Takes note of the loss after a step, where there is a point.</summary>
    public void Add(long step, double loss)
    {
        if (step == 1 || step == steps || step % _every == 0)
        {
            _points.Add((step, loss));
        }
    }

    /// <summary>Goes on from points that were written.</summary>
    /// <param name="text">What <see cref="ToString"/> gave; empty for none.</param>
    public void Resume(string text)
    {
        _points.Clear();
        _points.AddRange(text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(point => point.Split('='))
            .Select(point => (long.Parse(point[0], CultureInfo.InvariantCulture), double.Parse(point[1], CultureInfo.InvariantCulture))));
    }

    /// <summary>The points as text, every digit of them.</summary>
    public override string ToString() => string.Join(' ', _points.Select(point => $"{Numbers.Text(point.Step)}={Numbers.Text(point.Loss)}"));
}
