using System.Runtime.InteropServices;
using System.Security.Cryptography;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Training.Tests.RandomNumbers;

[TestClass]
public sealed class RandomStreamTests
{
    private const int Count = 1_000_000;

    private static RandomStream Stream(ulong seed = 1, string purpose = "noise", long step = 0, long sample = 0) => new RandomSource(seed, purpose).Stream(step, sample);

    [TestMethod]
    public void Streams_are_named_by_seed_purpose_step_and_sample()
    {
        var words = new HashSet<ulong>();
        var count = 0;
        foreach (var seed in new ulong[] { 0, 1, 2, ulong.MaxValue })
        {
            foreach (var purpose in new[] { "noise", "noise2", "timesteps", "" })
            {
                foreach (var step in new[] { 0, 1, 2, 1L << 32, (1L << 48) - 1 })
                {
                    foreach (var sample in new[] { 0, 1, 2, 1L << 32, (1L << 48) - 1 })
                    {
                        words.Add(Stream(seed, purpose, step, sample).NextUInt64());
                        Assert.AreEqual(Stream(seed, purpose, step, sample).NextUInt64(), Stream(seed, purpose, step, sample).NextUInt64());
                        count++;
                    }
                }
            }
        }

        Assert.HasCount(count, words);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Stream(step: 1L << 48));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Stream(sample: -1));
    }

    [TestMethod]
    public void Neighbouring_streams_are_not_correlated()
    {
        const int n = 100_000;
        var reference = new float[n];
        Stream().FillNormal(reference);
        foreach (var other in new[] { Stream(seed: 2), Stream(purpose: "noisf"), Stream(step: 1), Stream(sample: 1) })
        {
            var values = new float[n];
            other.FillNormal(values);
            var correlation = reference.Zip(values, (a, b) => (double)a * b).Sum() / n;
            Assert.IsLessThan(5 / Math.Sqrt(n), Math.Abs(correlation));
        }
    }

    [TestMethod]
    public void Uniform_numbers_are_uniform()
    {
        var values = new float[Count];
        Stream().FillUniform(values);
        Assert.IsTrue(values.All(x => x is >= 0 and < 1));
        Array.Sort(values);
        Assert.IsLessThan(1.95 / Math.Sqrt(Count), Distance(values, x => x)); // Kolmogorov-Smirnov, 0.1 %

        var stream = Stream();
        var first = new float[7];
        Stream().FillUniform(first);
        CollectionAssert.AreEqual(first, Enumerable.Range(0, 7).Select(_ => stream.NextSingle()).ToArray());
        var doubles = Enumerable.Range(0, Count).Select(_ => stream.NextDouble()).Order().ToArray();
        Assert.IsTrue(doubles[0] >= 0 && doubles[^1] < 1);
        Assert.IsLessThan(1.95 / Math.Sqrt(Count), doubles.Select((x, i) => Math.Abs(x - (i / (double)Count))).Max());
    }

    [TestMethod]
    public void Normal_numbers_are_normal_and_independent()
    {
        var values = new float[Count];
        Stream().FillNormal(values);
        foreach (var lag in new[] { 1, 2, 3, 4, 32 })
        {
            var products = values.Zip(values.Skip(lag), (a, b) => (double)a * b).Sum() / Count;
            var squares = values.Zip(values.Skip(lag), (a, b) => (((double)a * a) - 1) * (((double)b * b) - 1)).Sum() / Count;
            Assert.IsLessThan(5 / Math.Sqrt(Count), Math.Abs(products), $"{lag}");
            Assert.IsLessThan(10 / Math.Sqrt(Count), Math.Abs(squares), $"{lag}");
        }

        // The moments of the normal distribution: 0, 1, 0, 3 with variances 1, 2, 15, 96.
        foreach (var (power, expected, variance) in new[] { (1, 0.0, 1.0), (2, 1, 2), (3, 0, 15), (4, 3, 96) })
        {
            Assert.AreEqual(expected, values.Sum(x => Math.Pow(x, power)) / Count, 5 * Math.Sqrt(variance / Count), $"{power}");
        }

        Array.Sort(values);
        Assert.IsLessThan(1.95 / Math.Sqrt(Count), Distance(values, NormalCdf));
        Assert.IsGreaterThan(4.2, values[^1]);
    }

    [TestMethod]
    public void Normal_numbers_are_those_of_Box_and_Muller_to_the_last_bit_but_one()
    {
        var stream = Stream(3);
        var values = new float[4096];
        Stream(3).FillNormal(values);
        for (var i = 0; i < values.Length; i += 2)
        {
            var radius = Math.Sqrt(-2 * Math.Log((stream.NextUInt32() + 1.0) / (1L << 32)));
            var angle = 2 * Math.PI * stream.NextUInt32() / (1L << 32);
            Assert.AreEqual(radius * Math.Cos(angle), values[i], 4e-7);
            Assert.AreEqual(radius * Math.Sin(angle), values[i + 1], 4e-7);
        }
    }

    /// <summary>Recorded; the same with 512-bit vectors, 256-bit ones and none.</summary>
    [TestMethod]
    public void Normal_numbers_have_the_same_bits_everywhere()
    {
        var values = new float[10_000];
        Stream(7, "noise", 8, 9).FillNormal(values);
        Assert.AreEqual("1d6f9a9179b9802b", Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values.AsSpan())))[..16]);
    }

    [TestMethod]
    public void A_short_fill_begins_as_a_long_one_and_fills_follow_one_another()
    {
        var longer = new float[1000];
        Stream().FillNormal(longer);
        for (var count = 0; count < 70; count++)
        {
            var shorter = new float[count];
            Stream().FillNormal(shorter);
            CollectionAssert.AreEqual(longer[..count], shorter);
        }

        var stream = Stream();
        var pieces = new List<float>();
        foreach (var count in new[] { 4, 8, 32, 36, 64, 100, 756 })
        {
            var piece = new float[count];
            stream.FillNormal(piece);
            pieces.AddRange(piece);
        }

        CollectionAssert.AreEqual(longer, pieces.ToArray());
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(7)]
    [DataRow(1000)]
    public void Whole_numbers_below_a_bound_are_equally_likely(int bound)
    {
        var stream = Stream();
        var counts = new int[bound];
        for (var i = 0; i < Count; i++)
        {
            counts[stream.NextInt64(bound)]++;
        }

        var expected = (double)Count / bound;
        var chiSquare = counts.Sum(count => (count - expected) * (count - expected) / expected);
        Assert.IsLessThan(bound - 1 + (4 * Math.Sqrt(2 * bound)), chiSquare);
    }

    [TestMethod]
    public void Large_bounds_have_no_bias()
    {
        // Taken modulo, two thirds of the numbers would be half as likely again as the others, those of the lower half all among them.
        const long bound = (1L << 62) + (1L << 61);
        var stream = Stream();
        var low = Enumerable.Range(0, Count).Count(_ => stream.NextInt64(bound) < bound / 2);
        Assert.AreEqual(0.5, low / (double)Count, 5 * 0.5 / Math.Sqrt(Count));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => stream.NextInt64(0));
    }

    private static double Distance(float[] sorted, Func<double, double> cdf) =>
        sorted.Select((x, i) => Math.Abs(cdf(x) - ((i + 0.5) / sorted.Length))).Max();

    /// <summary>Abramowitz and Stegun 7.1.26, to 1.5e-7.</summary>
    private static double NormalCdf(double x)
    {
        var t = 1 / (1 + (0.3275911 * Math.Abs(x) / Math.Sqrt(2)));
        var tail = ((((((((1.061405429 * t) - 1.453152027) * t) + 1.421413741) * t) - 0.284496736) * t) + 0.254829592) * t * Math.Exp(-x * x / 2) / 2;
        return x < 0 ? tail : 1 - tail;
    }
}
