using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Kernels;

namespace CompressTool.Training.Tests.Kernels;

[TestClass]
public sealed class SiluGradTests
{
    [TestMethod]
    public void Every_element_equals_double_arithmetic()
    {
        foreach (var width in Enum.GetValues<SimdWidth>().Where(width => width <= Simd.Best))
        {
            // From deep in the flat left end to the straight right one, in more than one task, and a rest.
            var x = Enumerable.Range(0, 40_003).Select(index => (index - 20_000) / 200f).ToArray();
            var gradient = OneNode.Random(new Random(1), x.Length);
            var actual = OneNode.Run(new SiluGrad(width), [gradient, NdArray.Create(x, x.Length)], [])[0].AsSpan<float>();
            for (var i = 0; i < x.Length; i++)
            {
                var sigmoid = 1 / (1 + Math.Exp(-(double)x[i]));
                var derivative = sigmoid * (1 + (x[i] * (1 - sigmoid)));

                // Near its zero at -1.28 the derivative is a difference of terms of size 0.2; below -80 nothing is left.
                var expected = gradient.AsSpan<float>()[i] * derivative;
                Assert.AreEqual(expected, actual[i], (2e-6 * Math.Abs(expected)) + (x[i] is > -2 and < -1 ? 1e-7 : 1e-32), $"at {x[i]} {width}");
            }
        }
    }

    [TestMethod]
    public void Infinities_and_not_a_number_do_not_spread()
    {
        var x = new float[35];
        (x[3], x[20]) = (float.NaN, 1e30f);
        var dx = OneNode.Run(new SiluGrad(), [NdArray.Create(Enumerable.Repeat(2f, 35).ToArray(), 35), NdArray.Create(x, 35)], [])[0].AsSpan<float>().ToArray();

        Assert.IsTrue(float.IsNaN(dx[3]));
        Assert.AreEqual(2f, dx[20]);
        Assert.AreEqual(33, dx.Count(value => value == 1));
    }

    [TestMethod]
    public void Different_shapes_are_an_error()
    {
        var random = new Random(2);
        Assert.Contains("must be like X [4]", Assert.Throws<CompressToolException>(() => OneNode.Run(new SiluGrad(), [OneNode.Random(random, 2), OneNode.Random(random, 4)], [])).Message);
    }
}
