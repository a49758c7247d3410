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

    /// <summary>Parts of the images that a jackknife leaves out in turn, and the 97.5 % quantile of Student's t for them.</summary>
    private const int Groups = 10;
    private const double StudentT = 2.2621571627409915;

    /// <summary>The mean of values that are independent of each other.</summary>
    /// <param name="values">One value for each image or pair.</param>
    public static Estimate Mean(IReadOnlyCollection<double> values)
    {
        var mean = values.Average();
        var variance = values.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, values.Count - 1);
        return new Estimate(mean, values.Count > 1 && double.IsFinite(variance) ? Normal * Math.Sqrt(variance / values.Count) : null, values.Count);
    }

    /// <summary>
    /// A figure of all images together, with the interval of the jackknife over ten groups, which each leave a tenth of the images
    /// out; none for fewer than 30 images. A group is a tenth of the images on end, so that all have the same classes when these come in
    /// turns, as those of samples do.
    /// </summary>
    /// <param name="value">The figure of all images.</param>
    /// <param name="count">How many.</param>
    /// <param name="without">The figure of the images of which a function says that they stay.</param>
    public static Estimate Jackknife(double value, int count, Func<Func<int, bool>, double> without)
    {
        if (count < 3 * Groups)
        {
            return new Estimate(value, null, count);
        }

        var figures = Enumerable.Range(0, Groups).Select(group => without(image => (long)image * Groups / count != group)).ToArray();
        var center = figures.Average();
        var variance = figures.Sum(x => (x - center) * (x - center)) * (Groups - 1) / Groups;
        return new Estimate(value, StudentT * Math.Sqrt(variance), count);
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
