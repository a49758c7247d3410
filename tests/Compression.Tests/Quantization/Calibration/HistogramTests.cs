using CompressTool.Compression.Quantization.Calibration;

namespace CompressTool.Compression.Tests.Quantization.Calibration;

[TestClass]
public sealed class HistogramTests
{
    [TestMethod]
    public void Numbers_are_counted_in_the_bins_that_hold_them()
    {
        var histogram = new Histogram();
        float[] numbers = [-1, -0.5f, -1e-9f, 0, 0.25f, 0.9999f, 1];
        histogram.Add(numbers, 1);

        Assert.AreEqual(1.0 / Histogram.Half, histogram.Width);
        foreach (var (number, bin) in numbers.Zip([0, Histogram.Half / 2, Histogram.Half - 1, Histogram.Half, Histogram.Half * 5 / 4]))
        {
            Assert.AreEqual(1, histogram.Counts[bin], $"{number}");
            Assert.IsLessThanOrEqualTo(histogram.Width / 2, Math.Abs(histogram.Centre(bin) - number));
        }

        Assert.AreEqual(2, histogram.Counts[^1], "the bound itself is in the last bin");
    }

    [TestMethod]
    public void Growing_in_place_gives_what_counting_at_once_gives()
    {
        var random = new Random(1);
        float[] numbers = [.. Enumerable.Range(0, 5000).Select(index => (float)((random.NextDouble() - 0.5) * Math.Pow(2, index / 400.0)))];
        var whole = new Histogram();
        whole.Add(numbers, numbers.Max(MathF.Abs));

        foreach (var (size, order) in new[] { (1, numbers), (7, numbers), (1000, [.. numbers.Reverse()]) })
        {
            var grown = new Histogram();
            foreach (var part in order.Chunk(size))
            {
                grown.Add(part, part.Max(MathF.Abs));
            }

            Assert.AreEqual(whole.Exponent, grown.Exponent);
            CollectionAssert.AreEqual(whole.Counts.ToArray(), grown.Counts.ToArray());
        }

        Assert.AreEqual(numbers.Length, whole.Counts.ToArray().Sum());
    }

    [TestMethod]
    public void Statistics_know_extremes_steps_and_what_is_no_number()
    {
        var statistics = new ValueStatistics();
        statistics.Add([1, 2, 3, 4, 5, 6, 7, 8, 9], 0);
        statistics.Add([-3, float.NaN, 2, float.PositiveInfinity, 0, 0, 0, 0, 0, 0], 2);

        Assert.AreEqual((-3f, 9f), (statistics.Smallest, statistics.Largest));
        Assert.AreEqual((19L, 2L), (statistics.Count, statistics.NonFinite));
        CollectionAssert.AreEqual(new[] { (0f, 9f), (0f, 0f), (-3f, 2f) }, statistics.Steps.ToArray());
        Assert.AreEqual(17, statistics.Histogram.Counts.ToArray().Sum());
    }
}
