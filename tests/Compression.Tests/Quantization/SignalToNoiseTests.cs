using CompressTool.Compression.Quantization;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>The ratio that limits of noise go by, with numbers that have no square, too.</summary>
[TestClass]
public sealed class SignalToNoiseTests
{
    private const float None = float.NegativeInfinity;

    [TestMethod]
    [DataRow(new float[] { 3, 4 }, new float[] { 3, 4 }, double.PositiveInfinity)]
    [DataRow(new float[] { 3, 4 }, new float[] { 3, 3.5f }, 20)]
    [DataRow(new float[] { None, 3, 4 }, new float[] { None, 3, 3.5f }, 20)]
    [DataRow(new float[] { float.NaN, 3, 4 }, new float[] { float.NaN, 3, 3.5f }, 20)]
    [DataRow(new float[] { None, 3, 4 }, new float[] { 0, 3, 4 }, double.NegativeInfinity)]
    [DataRow(new float[] { 3, 4 }, new float[] { 3, float.NaN }, double.NegativeInfinity)]
    public void Numbers_that_agree_are_no_noise(float[] exact, float[] noisy, double expected)
    {
        var (signal, noise) = SignalToNoise.Add(exact, noisy, (0, 0));
        Assert.AreEqual(expected, SignalToNoise.Db(signal, noise), 1e-9);
    }
}
