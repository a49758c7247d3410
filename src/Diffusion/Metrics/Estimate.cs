using System.Globalization;

namespace CompressTool.Diffusion.Metrics;

/// <summary>A figure measured on a sample of images.</summary>
/// <param name="Value">The figure.</param>
/// <param name="Error">Half the width of its interval of 95 % confidence; null when it cannot be told.</param>
/// <param name="Count">The number of images (or pairs of them) it comes from.</param>
public sealed record Estimate(double Value, double? Error, long Count)
{
    /// <summary>Half the width of the interval of a mean, by the normal distribution.</summary>
    private const double Normal = 1.959963984540054;

    /// <summary>The mean of values that are independent of each other.</summary>
    /// <param name="values">One value for each image or pair.</param>
    public static Estimate Mean(IReadOnlyCollection<double> values)
    {
        var mean = values.Average();
        var variance = values.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, values.Count - 1);
        return new Estimate(mean, values.Count > 1 && double.IsFinite(variance) ? Normal * Math.Sqrt(variance / values.Count) : null, values.Count);
    }

    /// <summary>A share of images: the larger side of the interval of Wilson 1927, which holds near 0 and 1 too.</summary>
    /// <param name="hits">How many.</param>
    /// <param name="count">Of how many.</param>
    public static Estimate Share(long hits, long count)
    {
        var share = (double)hits / count;
        var square = Normal * Normal;
        var center = (share + (square / (2 * count))) / (1 + (square / count));
        var half = Normal / (1 + (square / count)) * Math.Sqrt((share * (1 - share) / count) + (square / (4.0 * count * count)));
        return new Estimate(share, Math.Abs(center - share) + half, count);
    }

    /// <summary>The figure with its interval and number, e.g. <c>12.3 ± 0.4 (N = 1000)</c>.</summary>
    public override string ToString() => Error is { } error
        ? string.Create(CultureInfo.InvariantCulture, $"{Value:0.####} ± {error:0.####} (N = {Count})")
        : string.Create(CultureInfo.InvariantCulture, $"{Value:0.####} (N = {Count})");
}
