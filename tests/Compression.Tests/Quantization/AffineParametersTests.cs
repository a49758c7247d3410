using CompressTool.Compression.Quantization;

namespace CompressTool.Compression.Tests.Quantization;

[TestClass]
public sealed class AffineParametersTests
{
    [TestMethod]
    public void The_worked_example_comes_out()
    {
        float[] weights = [-1, 0, 0.3f, 2];
        var asymmetric = AffineParameters.Spread(-1, 2, IntegerRange.Unsigned(reduced: false));
        Assert.AreEqual(0.01176471, asymmetric.Scale, 1e-8);
        Assert.AreEqual(85, asymmetric.ZeroPoint);
        CollectionAssert.AreEqual(new[] { 0, 85, 111, 255 }, Quantize(weights, asymmetric, IntegerRange.Unsigned(false)));
        Assert.AreEqual(0.305882f, (111 - asymmetric.ZeroPoint) * asymmetric.Scale, 1e-6f);

        // -1 / (2 / 127) = -63.5, a tie: -64 is even.
        var symmetric = AffineParameters.Spread(-1, 2, IntegerRange.Signed(reduced: false));
        Assert.AreEqual((float)(2.0 / 127), symmetric.Scale);
        CollectionAssert.AreEqual(new[] { -64, 0, 19, 127 }, Quantize(weights, symmetric, IntegerRange.Signed(false)));
    }

    [TestMethod]
    public void Ties_go_to_the_even_integer()
    {
        var parameters = new AffineParameters(2, 0);
        CollectionAssert.AreEqual(new[] { 0, 2, 2, 0, -2, -2 }, Quantize([1, 3, 5, -1, -3, -5], parameters, IntegerRange.Signed(false)));

        // The zero point too: -(-0.5) / 1 = 0.5 gives 0, 1.5 gives 2.
        Assert.AreEqual(0, AffineParameters.Spread(-0.5f, 254.5f, IntegerRange.Unsigned(false)).ZeroPoint);
        Assert.AreEqual(2, AffineParameters.Spread(-1.5f, 253.5f, IntegerRange.Unsigned(false)).ZeroPoint);
    }

    [TestMethod]
    public void The_range_contains_zero()
    {
        Assert.AreEqual(new AffineParameters((float)(8 / 255.0), 0), AffineParameters.Spread(5, 8, IntegerRange.Unsigned(false)));
        Assert.AreEqual(new AffineParameters((float)(8 / 255.0), 255), AffineParameters.Spread(-8, -5, IntegerRange.Unsigned(false)));
    }

    [TestMethod]
    public void Reduced_ranges_use_7_bits_but_clip_to_8()
    {
        Assert.AreEqual((float)(2 / 64.0), AffineParameters.Spread(-1, 2, IntegerRange.Signed(reduced: true)).Scale);
        var unsigned = AffineParameters.Spread(-1, 2, IntegerRange.Unsigned(reduced: true));
        Assert.AreEqual((float)(3 / 127.0), unsigned.Scale);
        Assert.AreEqual(42, unsigned.ZeroPoint); // 42.33
        CollectionAssert.AreEqual(new[] { -128, 127 }, Quantize([-500, 500], new AffineParameters(1, 0), IntegerRange.Signed(true)));
    }

    [TestMethod]
    public void Empty_and_tiny_ranges_get_scale_1()
    {
        Assert.AreEqual(new AffineParameters(1, 0), AffineParameters.Spread(0, 0, IntegerRange.Unsigned(false)));
        Assert.AreEqual(new AffineParameters(1, 0), AffineParameters.Spread(0, 1e-38f, IntegerRange.Signed(false)));
    }

    [TestMethod]
    public void Pruned_weights_stay_exactly_zero()
    {
        foreach (var range in new[] { IntegerRange.Signed(false), IntegerRange.Signed(true), IntegerRange.Unsigned(false), IntegerRange.Unsigned(true) })
        {
            var parameters = AffineParameters.Spread(-0.37f, 1.93f, range);
            CollectionAssert.AreEqual(new[] { parameters.ZeroPoint, parameters.ZeroPoint }, Quantize([0, -0f], parameters, range));
        }
    }

    [TestMethod]
    public void Scales_are_computed_in_float64_and_rounded_once()
    {
        var random = new Random(1);
        for (var round = 0; round < 1000; round++)
        {
            var (low, high) = (-random.NextSingle(), random.NextSingle());
            Assert.AreEqual((float)(((double)high - low) / 255), AffineParameters.Spread(low, high, IntegerRange.Unsigned(false)).Scale);
        }
    }

    [TestMethod]
    public void Runs_of_any_length_are_quantized_and_measured()
    {
        var random = new Random(2);
        foreach (var length in new[] { 1, 7, 8, 15, 16, 17, 31, 256, 257, 1000 })
        {
            float[] weights = [.. Enumerable.Range(0, length).Select(_ => (random.NextSingle() * 2) - 0.7f)];
            Assert.AreEqual((Math.Min(0, weights.Min()), Math.Max(0, weights.Max())), AffineKernel.Range(weights));
            var range = IntegerRange.Unsigned(false);
            var parameters = AffineParameters.Spread(weights.Min(), weights.Max(), range);
            var integers = Quantize(weights, parameters, range);
            CollectionAssert.AreEqual(
                Array.ConvertAll(weights, x => (int)Math.Clamp(MathF.Round(x / parameters.Scale, MidpointRounding.ToEven) + parameters.ZeroPoint, 0, 255)), integers);
            var sums = default(WeightErrorSums);
            AffineKernel.Measure(weights, Repeat(parameters.Scale, length), parameters.ZeroPoint, range, ref sums);
            Assert.AreEqual(weights.Select((x, i) => Math.Abs(x - ((integers[i] - parameters.ZeroPoint) * parameters.Scale))).Max(), sums.MaxAbsError, 1e-7);
        }
    }

    private static int[] Quantize(float[] weights, AffineParameters parameters, IntegerRange range)
    {
        var bytes = new byte[weights.Length];
        AffineKernel.Quantize(weights, Repeat(parameters.Scale, weights.Length), parameters.ZeroPoint, range, bytes);
        return Array.ConvertAll(bytes, x => range.Low < 0 ? (sbyte)x : (int)x);
    }

    private static float[] Repeat(float value, int count) => [.. Enumerable.Repeat(value, count)];
}
