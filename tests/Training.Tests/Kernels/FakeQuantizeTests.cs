using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Kernels;

namespace CompressTool.Training.Tests.Kernels;

[TestClass]
public sealed class FakeQuantizeTests
{
    // Levels 0..255 around a zero point of 100, with steps that floats hold exactly, so that ties are ties.
    private static readonly FakeQuantizeRange s_range = new(0.25f, -100, 155);

    /// <summary>More than one task, and a rest; all quarters of steps far beyond both ends.</summary>
    private static readonly float[] s_numbers = [.. Enumerable.Range(0, 40_003).Select(index => (index - 20_000) / 64f)];

    [TestMethod]
    public void Numbers_become_the_nearest_level_with_ties_to_even()
    {
        var actual = OneNode.Run(new FakeQuantize(), [NdArray.Create(s_numbers, s_numbers.Length)], s_range.Attributes)[0].AsSpan<float>();

        for (var i = 0; i < s_numbers.Length; i++)
        {
            Assert.AreEqual((float)(Math.Clamp(Math.Round(s_numbers[i] / 0.25, MidpointRounding.ToEven), -100, 155) * 0.25), actual[i], $"at {s_numbers[i]}");
        }
    }

    [TestMethod]
    public void Gradient_passes_rounding_and_stops_where_numbers_are_clamped()
    {
        var gradient = OneNode.Random(new Random(1), s_numbers.Length);
        var actual = OneNode.Run(new FakeQuantizeGrad(), [gradient, NdArray.Create(s_numbers, s_numbers.Length)], s_range.Attributes)[0].AsSpan<float>();

        var stopped = 0;
        for (var i = 0; i < s_numbers.Length; i++)
        {
            // Ties at the ends: -100.5 rounds to -100, which is a level, and 155.5 to 156, which is none.
            var passes = s_numbers[i] >= -100.5f * 0.25f && s_numbers[i] < 155.5f * 0.25f;
            stopped += passes ? 0 : 1;
            Assert.AreEqual(passes ? gradient.AsSpan<float>()[i] : 0, actual[i], $"at {s_numbers[i]}");
        }

        Assert.IsGreaterThan(1000, stopped);
    }

    [TestMethod]
    public void Different_shapes_are_an_error()
    {
        var random = new Random(2);
        Assert.Contains("must be like X [4]", Assert.Throws<CompressToolException>(() => OneNode.Run(new FakeQuantizeGrad(), [OneNode.Random(random, 2), OneNode.Random(random, 4)], s_range.Attributes)).Message);
    }
}
