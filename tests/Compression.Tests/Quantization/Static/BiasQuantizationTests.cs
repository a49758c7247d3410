using CompressTool.Compression.Quantization.Static;

namespace CompressTool.Compression.Tests.Quantization.Static;

[TestClass]
public sealed class BiasQuantizationTests
{
    [TestMethod]
    public void The_scale_is_the_product_of_the_stored_scales()
    {
        var (integers, scales, zeroPoints) = BiasQuantization.Quantize([1, -0.3f], 0.1f, [0.003f, 0.7f]);

        CollectionAssert.AreEqual(new[] { 0.1f * 0.003f, 0.1f * 0.7f }, scales.ToFloats());
        CollectionAssert.AreEqual(new[] { (int)Math.Round(1 / (double)(0.1f * 0.003f)), (int)Math.Round((double)-0.3f / (0.1f * 0.7f)) }, integers.ToArray<int>());
        CollectionAssert.AreEqual(new[] { 0, 0 }, zeroPoints.ToArray<int>());
    }

    [TestMethod]
    public void Ties_go_to_the_even_integer_and_what_does_not_fit_is_clipped()
    {
        Assert.AreEqual(2, BiasQuantization.Quantize(2.5f, 1));
        Assert.AreEqual(-4, BiasQuantization.Quantize(-3.5f, 1));
        Assert.AreEqual(int.MaxValue, BiasQuantization.Quantize(1e10f, 1));
        Assert.AreEqual(int.MinValue, BiasQuantization.Quantize(-1e10f, 1));
    }

    /// <summary>A bias beyond 32 bits of the product of the scales raises the scale of the weight just as far as it must.</summary>
    [TestMethod]
    public void The_smallest_scale_of_a_weight_makes_its_bias_fit()
    {
        foreach (var bias in new[] { 1000f, -77777f, 0.001f })
        {
            var smallest = BiasQuantization.SmallestWeightScale(bias, 1e-5f);
            var integer = BiasQuantization.Quantize(bias, BiasQuantization.Scale(1e-5f, smallest));
            Assert.IsLessThan(int.MaxValue, Math.Abs((long)integer));
            Assert.IsGreaterThan(0.999 * int.MaxValue, Math.Abs((double)integer));
        }
    }
}
