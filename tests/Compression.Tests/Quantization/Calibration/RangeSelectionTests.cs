using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.Static;

namespace CompressTool.Compression.Tests.Quantization.Calibration;

[TestClass]
public sealed class RangeSelectionTests
{
    [TestMethod]
    public void Minmax_is_from_the_smallest_to_the_largest_number_with_zero()
    {
        Assert.AreEqual((-2f, 5f), Select(Of([-2, 1, 5]), CalibrationMethod.MinMax));
        Assert.AreEqual((0f, 5f), Select(Of([1, 5]), CalibrationMethod.MinMax));
    }

    [TestMethod]
    public void A_percentile_leaves_out_as_many_on_each_side()
    {
        // 0, 1, ... 9999 and as many below zero: one in a thousand on each side is beyond 9980.
        var numbers = Enumerable.Range(0, 10000).SelectMany(n => new float[] { n, -n }).ToArray();

        var (low, high) = RangeSelection.Select(Of(numbers), CalibrationMethod.Percentile, 99.8, ActivationType.UInt8.Range);

        Assert.AreEqual(9980, high, 16384.0 / Histogram.Half);
        Assert.AreEqual(-9980, low, 16384.0 / Histogram.Half);
        Assert.AreEqual((-9999f, 9999f), RangeSelection.Select(Of(numbers), CalibrationMethod.Percentile, 100, ActivationType.UInt8.Range));
    }

    [TestMethod]
    public void Steps_with_outliers_are_clipped()
    {
        var statistics = new ValueStatistics();
        foreach (var (number, step) in new[] { 5f, -40, 30, 1, 2, -2, 3, -3, 4, -1 }.Index().Select(item => (item.Item, item.Index)))
        {
            statistics.Add([number, number / 2], step);
        }

        Assert.AreEqual((-40f, 30f), RangeSelection.ClipSteps((-40, 30), statistics.Steps, 100));
        Assert.AreEqual((-3f, 5f), RangeSelection.ClipSteps((-40, 30), statistics.Steps, 90));
        Assert.AreEqual((-2f, 4f), RangeSelection.ClipSteps((-40, 30), statistics.Steps, 80));
        Assert.AreEqual((-2.5f, 3f), RangeSelection.ClipSteps((-2.5f, 3), statistics.Steps, 90), "a range is never widened");
    }

    [TestMethod]
    public void A_percentile_never_goes_beyond_zero()
    {
        var (low, high) = RangeSelection.Select(Of([.. Enumerable.Repeat(3f, 1000), -1]), CalibrationMethod.Percentile, 90, ActivationType.UInt8.Range);
        Assert.AreEqual(0, low);
        Assert.AreEqual(3, high);
    }

    [TestMethod]
    [DataRow(CalibrationMethod.Entropy, 20f)]
    [DataRow(CalibrationMethod.MeanSquaredError, 190f)] // One in a hundred thousand: the steps of all others weigh a little more.
    public void A_lone_outlier_is_clipped_and_a_uniform_range_is_not(CalibrationMethod method, float bound)
    {
        var random = new Random(2);
        float[] normal = [.. Enumerable.Range(0, 100_000).Select(_ => (float)Normal(random)), 200];
        var (low, high) = Select(Of(normal), method);
        Assert.IsLessThan(bound, high);
        Assert.IsGreaterThan(2.5f, high);
        Assert.IsLessThan(-2.5f, low);

        float[] uniform = [.. Enumerable.Range(0, 100_000).Select(_ => (float)((2 * random.NextDouble()) - 1))];
        (low, high) = Select(Of(uniform), method);
        Assert.AreEqual(1, high, 0.02);
        Assert.AreEqual(-1, low, 0.02);
    }

    /// <summary>The estimate that the search goes by against the error of the numbers themselves.</summary>
    [TestMethod]
    public void The_least_error_is_no_larger_than_that_of_any_percentile()
    {
        var random = new Random(3);
        float[] numbers = [.. Enumerable.Range(0, 50_000).Select(_ => (float)(Math.Pow(Math.Abs(Normal(random)), 3) * (random.NextDouble() < 0.1 ? -0.05 : 1)))];
        var statistics = Of(numbers);
        var least = Error(numbers, Select(statistics, CalibrationMethod.MeanSquaredError));

        Assert.IsLessThan(0.7 * Error(numbers, Select(statistics, CalibrationMethod.MinMax)), least);
        foreach (var percentile in new[] { 99, 99.9, 99.99, 99.999 })
        {
            Assert.IsLessThanOrEqualTo(1.02 * Error(numbers, RangeSelection.Select(statistics, CalibrationMethod.Percentile, percentile, ActivationType.UInt8.Range)), least);
        }
    }

    /// <summary>Where zero is the middle, one sign gets half of the integers, and what is best follows from that.</summary>
    [TestMethod]
    public void A_symmetric_range_is_chosen_by_its_own_error()
    {
        var random = new Random(5);
        float[] numbers = [.. Enumerable.Range(0, 50_000).Select(_ => (float)Math.Pow(Math.Abs(Normal(random)), 3))];
        var (range, statistics) = (ActivationType.SymmetricInt8.Range, Of(numbers));
        var (low, high) = RangeSelection.Select(statistics, CalibrationMethod.MeanSquaredError, 100, range);

        Assert.AreEqual(-high, low);
        var bounds = Enumerable.Range(20, 81).Select(percent => statistics.Largest * percent / 100f);
        Assert.IsLessThanOrEqualTo(1.02 * bounds.Min(SymmetricError), SymmetricError(high));
        Assert.IsLessThan(0.95 * Select(statistics, CalibrationMethod.MeanSquaredError).Largest, high, "steps are twice as long, so that clipping pays earlier");

        var half = RangeSelection.Select(statistics, CalibrationMethod.Entropy, 100, range).Largest;
        Assert.AreNotEqual(Select(statistics, CalibrationMethod.Entropy).Largest, half);

        double SymmetricError(float bound)
        {
            var parameters = AffineParameters.Spread(-bound, bound, range);
            return numbers.Sum(number => Math.Pow(number - (Math.Clamp(Math.Round(number / parameters.Scale), -128, 127) * parameters.Scale), 2));
        }
    }

    /// <summary>The divergence against the published algorithm, written plainly.</summary>
    [TestMethod]
    public void Entropy_is_the_published_divergence_of_magnitudes()
    {
        var random = new Random(4);
        float[] numbers = [.. Enumerable.Range(0, 20_000).Select(_ => (float)(Normal(random) * (random.NextDouble() < 0.01 ? 6 : 1)))];
        var statistics = Of(numbers);
        var histogram = statistics.Histogram;
        var counts = Enumerable.Range(0, Histogram.Half).Select(bin => bin == 0 ? 0.0 : histogram.Counts[Histogram.Half + bin] + histogram.Counts[Histogram.Half - 1 - bin]).ToArray();
        var used = Array.FindLastIndex(counts, count => count > 0) + 1;
        var best = Enumerable.Range(0, ((used - 128) / 4) + 1).Select(index => 128 + (4 * index)).MinBy(end => Divergence(counts[..used], end, 128));

        var (_, high) = Select(statistics, CalibrationMethod.Entropy);

        Assert.AreEqual(Math.Min(best * histogram.Width, statistics.Largest), high, 1e-6);
    }

    private static double Divergence(double[] counts, int end, int levels)
    {
        var reference = counts[..end];
        reference[^1] += counts[end..].Sum();
        var candidate = new double[end];
        for (var level = 0; level < levels; level++)
        {
            var bins = Enumerable.Range(0, end).Where(bin => bin >= level * end / levels && bin < (level + 1) * end / levels).ToArray();
            var filled = bins.Where(bin => counts[bin] > 0).ToArray();
            foreach (var bin in filled)
            {
                candidate[bin] = bins.Sum(other => counts[other]) / filled.Length;
            }
        }

        var (p, q) = (reference.Sum(), candidate.Sum());
        return Enumerable.Range(0, end).Where(bin => reference[bin] > 0)
            .Sum(bin => reference[bin] / p * Math.Log(reference[bin] / p / ((candidate[bin] > 0 ? candidate[bin] : 1e-4) / q)));
    }

    private static double Error(float[] numbers, (float Smallest, float Largest) range)
    {
        var step = (range.Largest - range.Smallest) / 255.0;
        return numbers.Sum(number => Math.Pow(number - (range.Smallest + (Math.Clamp(Math.Round((number - range.Smallest) / step), 0, 255) * step)), 2));
    }

    private static (float Smallest, float Largest) Select(ValueStatistics statistics, CalibrationMethod method) => RangeSelection.Select(statistics, method, 99.99, ActivationType.UInt8.Range);

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static ValueStatistics Of(float[] numbers)
    {
        var statistics = new ValueStatistics();
        statistics.Add(numbers, 0);
        return statistics;
    }
}
