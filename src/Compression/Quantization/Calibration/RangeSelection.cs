namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>Chooses the range of numbers that integers will stand for.</summary>
internal static class RangeSelection
{
    /// <summary>Candidates of the search for the least error: each leaves out one hundredth more of the range.</summary>
    private const int Candidates = 80;

    /// <summary>Candidates of the divergence: one for every so many bins.</summary>
    private const int EntropyStride = 4;

    /// <summary>The range; it contains zero.</summary>
    /// <param name="statistics">What is known of the value.</param>
    /// <param name="method">How to choose.</param>
    /// <param name="percentile">For <see cref="CalibrationMethod.Percentile"/>: the share in per cent that is not clipped.</param>
    /// <param name="range">The integers.</param>
    public static (float Smallest, float Largest) Select(ValueStatistics statistics, CalibrationMethod method, double percentile, IntegerRange range) => method switch
    {
        CalibrationMethod.Percentile => Percentile(statistics, percentile),
        CalibrationMethod.Entropy => Entropy(statistics, range),
        CalibrationMethod.MeanSquaredError => LeastError(statistics, range),
        _ => (statistics.Smallest, statistics.Largest),
    };

    /// <summary>Narrows a range to the extremes of most steps (ModelOpt takes the least of the first steps in the same spirit).</summary>
    /// <param name="range">The range.</param>
    /// <param name="steps">The extremes of each step.</param>
    /// <param name="percentile">The share of the steps, in per cent, whose extremes stay inside.</param>
    public static (float Smallest, float Largest) ClipSteps((float Smallest, float Largest) range, IReadOnlyList<(float Smallest, float Largest)> steps, double percentile)
    {
        if (steps.Count == 0)
        {
            return range;
        }

        var last = Math.Clamp((int)Math.Ceiling(percentile / 100 * steps.Count) - 1, 0, steps.Count - 1);
        return (Math.Max(range.Smallest, steps.Select(step => step.Smallest).OrderDescending().ElementAt(last)), Math.Min(range.Largest, steps.Select(step => step.Largest).Order().ElementAt(last)));
    }

    private static (float Smallest, float Largest) Percentile(ValueStatistics statistics, double percentile)
    {
        var histogram = statistics.Histogram;
        var counts = histogram.Counts;
        var beyond = (statistics.Count - statistics.NonFinite) * (100 - percentile) / 200;
        var (low, high) = (0, counts.Length - 1);
        for (var seen = 0L; low < Histogram.Half && (seen += counts[low]) <= beyond;)
        {
            low++;
        }

        for (var seen = 0L; high >= Histogram.Half && (seen += counts[high]) <= beyond;)
        {
            high--;
        }

        return Clip(statistics, (low - Histogram.Half) * histogram.Width, (high + 1 - Histogram.Half) * histogram.Width);
    }

    /// <summary>
    /// The least divergence (S. Migacz, 8-bit inference with TensorRT, GTC 2017), over the magnitudes: half as many integers as there are stand
    /// for them where there are two signs, or the range is symmetric. The bin at zero is left out, since padding and rectified units would decide alone.
    /// </summary>
    private static (float Smallest, float Largest) Entropy(ValueStatistics statistics, IntegerRange range)
    {
        var counts = statistics.Histogram.Counts;
        var magnitudes = new double[Histogram.Half];
        var (levels, halves) = (range.High - range.Low + 1, range.IsSymmetric || (statistics.Smallest < 0 && statistics.Largest > 0));
        for (var bin = 0; bin < Histogram.Half; bin++)
        {
            magnitudes[bin] = counts[Histogram.Half + bin] + counts[Histogram.Half - 1 - bin];
        }

        magnitudes[0] = 0;
        var used = Array.FindLastIndex(magnitudes, count => count > 0) + 1;
        var integers = Math.Min(halves ? levels / 2 : levels, Histogram.Half / 2);
        var (best, least) = (used, double.PositiveInfinity);
        for (var end = integers; end <= used; end += EntropyStride)
        {
            var divergence = Divergence(magnitudes.AsSpan(0, used), end, integers);
            if (divergence < least)
            {
                (best, least) = (end, divergence);
            }
        }

        var bound = best * statistics.Histogram.Width;
        return Clip(statistics, -bound, bound);
    }

    private static double Divergence(ReadOnlySpan<double> counts, int end, int integers)
    {
        var outliers = 0.0;
        foreach (var count in counts[end..])
        {
            outliers += count;
        }

        // The reference has the outliers in its last bin; what quantization makes of the bins has not.
        var (divergence, referenceSum, candidateSum) = (0.0, outliers, 0.0);
        foreach (var count in counts[..end])
        {
            referenceSum += count;
            candidateSum += count;
        }

        if (candidateSum == 0)
        {
            return double.PositiveInfinity;
        }

        for (var integer = 0; integer < integers; integer++)
        {
            var (first, after) = (integer * end / integers, (integer + 1) * end / integers);
            var (sum, nonZero) = (0.0, 0);
            foreach (var count in counts[first..after])
            {
                sum += count;
                nonZero += count > 0 ? 1 : 0;
            }

            for (var bin = first; bin < after; bin++)
            {
                var reference = counts[bin] + (bin == end - 1 ? outliers : 0);
                if (reference > 0)
                {
                    // An outlier that comes into an empty bin has nothing to stand for it: the smallest share there is.
                    var candidate = counts[bin] > 0 ? sum / nonZero : 1e-4;
                    divergence += reference / referenceSum * Math.Log(reference / referenceSum / (candidate / candidateSum));
                }
            }
        }

        return divergence;
    }

    private static (float Smallest, float Largest) LeastError(ValueStatistics statistics, IntegerRange range)
    {
        var (low, high) = ((double)statistics.Smallest, (double)statistics.Largest);
        if (range.IsSymmetric)
        {
            high = Math.Max(-low, high);
            low = -high;
        }

        var steps = range.RangeHigh - range.RangeLow;
        var best = (Low: low, High: high);
        var least = Error(statistics.Histogram, low, high, steps);

        // Both ends first, then, where they need not be alike, each by itself from where that led.
        (bool, bool)[] moves = range.IsSymmetric ? [(true, true)] : [(true, true), (true, false), (false, true)];
        foreach (var (movesLow, movesHigh) in moves)
        {
            var start = best;
            for (var candidate = 1; candidate <= Candidates; candidate++)
            {
                var factor = 1 - (candidate / 100.0);
                var (a, b) = (movesLow ? start.Low * factor : start.Low, movesHigh ? start.High * factor : start.High);
                var error = Error(statistics.Histogram, a, b, steps);
                if (error < least)
                {
                    (least, best) = (error, (a, b));
                }
            }
        }

        return ((float)best.Low, (float)best.High);
    }

    /// <summary>The sum of squared errors: what is beyond the range is clipped, what is inside is off by a uniform share of a step.</summary>
    private static double Error(Histogram histogram, double low, double high, int steps)
    {
        var step = (high - low) / steps;
        var rounding = step * step / 12;
        var sum = 0.0;
        var counts = histogram.Counts;
        for (var bin = 0; bin < counts.Length; bin++)
        {
            if (counts[bin] == 0)
            {
                continue;
            }

            var centre = histogram.Centre(bin);
            var beyond = centre < low ? low - centre : centre > high ? centre - high : 0;
            sum += counts[bin] * (beyond > 0 ? beyond * beyond : rounding);
        }

        return sum;
    }

    private static (float Smallest, float Largest) Clip(ValueStatistics statistics, double low, double high) =>
        ((float)Math.Max(Math.Min(low, 0), statistics.Smallest), (float)Math.Min(Math.Max(high, 0), statistics.Largest));
}
