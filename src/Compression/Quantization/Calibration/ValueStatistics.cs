using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>What is known of a value after a model was looked at: extremes of all numbers and of each step, and a histogram.</summary>
internal sealed class ValueStatistics
{
    private readonly List<(float Smallest, float Largest)> _steps = [];

    /// <summary>The smallest number, or 0 where it is larger.</summary>
    public float Smallest { get; private set; }

    /// <summary>The largest number, or 0 where it is smaller.</summary>
    public float Largest { get; private set; }

    /// <summary>How many numbers came.</summary>
    public long Count { get; private set; }

    /// <summary>How many of them were infinite or no numbers.</summary>
    public long NonFinite { get; private set; }

    /// <summary>How often numbers of each size came.</summary>
    public Histogram Histogram { get; private init; } = new();

    /// <summary>Extremes, with zero, at each step of a sampler; one element when there are no steps.</summary>
    public IReadOnlyList<(float Smallest, float Largest)> Steps => _steps;

    /// <summary>Statistics as they were written.</summary>
    public static ValueStatistics Restore(Histogram histogram, long count, long nonFinite, IReadOnlyList<(float Smallest, float Largest)> steps)
    {
        var result = new ValueStatistics { Histogram = histogram, Count = count, NonFinite = nonFinite };
        result._steps.AddRange(steps);
        result.Smallest = steps.Select(step => step.Smallest).DefaultIfEmpty(0).Min();
        result.Largest = steps.Select(step => step.Largest).DefaultIfEmpty(0).Max();
        return result;
    }

    /// <summary>Looks at more numbers.</summary>
    /// <param name="numbers">The numbers.</param>
    /// <param name="step">The step that they belong to.</param>
    public void Add(ReadOnlySpan<float> numbers, int step)
    {
        var (smallest, largest) = Range(numbers);
        Count += numbers.Length;
        if (!float.IsFinite(smallest) || !float.IsFinite(largest))
        {
            var finite = Array.FindAll(numbers.ToArray(), float.IsFinite);
            NonFinite += numbers.Length - finite.Length;
            (smallest, largest) = Range(finite);
            Histogram.Add(finite, Math.Max(-smallest, largest));
        }
        else
        {
            Histogram.Add(numbers, Math.Max(-smallest, largest));
        }

        Smallest = Math.Min(Smallest, smallest);
        Largest = Math.Max(Largest, largest);
        while (_steps.Count <= step)
        {
            _steps.Add((0, 0));
        }

        _steps[step] = (Math.Min(_steps[step].Smallest, smallest), Math.Max(_steps[step].Largest, largest));
    }

    /// <summary>Smallest and largest number and zero; not finite when a number is not.</summary>
    private static (float Smallest, float Largest) Range(ReadOnlySpan<float> numbers)
    {
        // Minimum and maximum of IEEE 754 hand on what is not a number.
        var (low, high) = (Vector256<float>.Zero, Vector256<float>.Zero);
        var index = 0;
        for (; index <= numbers.Length - Vector256<float>.Count; index += Vector256<float>.Count)
        {
            var vector = Vector256.Create(numbers[index..]);
            (low, high) = (Vector256.Min(low, vector), Vector256.Max(high, vector));
        }

        var (smallest, largest) = (0f, 0f);
        for (var lane = 0; lane < Vector256<float>.Count; lane++)
        {
            (smallest, largest) = (Math.Min(smallest, low[lane]), Math.Max(largest, high[lane]));
        }

        foreach (var number in numbers[index..])
        {
            (smallest, largest) = (Math.Min(smallest, number), Math.Max(largest, number));
        }

        return (smallest, largest);
    }
}
