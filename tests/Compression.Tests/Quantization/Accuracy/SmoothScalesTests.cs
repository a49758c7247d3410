using CompressTool.Compression.Quantization.Accuracy;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class SmoothScalesTests
{
    private static readonly float[] _inputs = [10, 1, 0.1f];
    private static readonly float[] _weights = [0.5f, 1, 2];

    [TestMethod]
    public void Half_of_the_range_moves_at_alpha_a_half()
    {
        var scales = SmoothScales.Find(_inputs, _weights, 0.5);
        Matrices.AreClose([4.472136, 1, 0.223607], Matrices.Doubles(scales), 1e-6);
        Matrices.AreClose([2.236068, 1, 0.447214], [.. scales.Zip(_inputs, (s, x) => (double)x / s)], 1e-6);
        Matrices.AreClose([2.236068, 1, 0.447214], [.. scales.Zip(_weights, (s, w) => (double)w * s)], 1e-6);
        Matrices.AreClose([7.247797, 1, 0.137973], Matrices.Doubles(SmoothScales.Find(_inputs, _weights, 0.8)), 1e-6);
    }

    [TestMethod]
    public void Scales_are_limited_and_empty_channels_stay()
    {
        CollectionAssert.AreEqual(new[] { 1e4f, 1e-4f, 1, 1 }, SmoothScales.Find([1e6f, 1e-6f, 0, 3], [1, 1, 3, 0], 1));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => SmoothScales.Find(_inputs, _weights, 1.5));
    }

    [TestMethod]
    public void Rows_of_several_weights_share_their_largest_magnitude()
    {
        var largest = new float[2];
        SmoothScales.RaiseToRows([1, -4, 2, 0, 1, -1], largest);
        SmoothScales.RaiseToRows([-3, 2], largest);
        CollectionAssert.AreEqual(new float[] { 4, 2 }, largest);
    }
}
