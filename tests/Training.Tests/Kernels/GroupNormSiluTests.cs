using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Kernels;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Tests.Kernels;

[TestClass]
public sealed class GroupNormSiluTests
{
    private static readonly SimdWidth[] s_widths = [.. Enum.GetValues<SimdWidth>().Where(width => width <= Simd.Best)];

    [TestMethod]
    public void Forward_and_gradient_equal_double_arithmetic_for_random_shapes()
    {
        var random = new Random(1);
        for (var trial = 0; trial < 40; trial++)
        {
            var groups = random.Next(1, 6);
            long[] spatial = [.. Enumerable.Range(0, random.Next(4)).Select(_ => (long)random.Next(1, 12))];
            Check([random.Next(1, 4), groups * random.Next(1, 6), .. spatial], groups, trial % 3 > 0, s_widths[trial % s_widths.Length], random);
        }
    }

    [TestMethod]
    [DataRow(2, 128, 32)]
    [DataRow(3, 64, 16)]
    [DataRow(8, 96, 4)]
    public void Forward_and_gradient_equal_double_arithmetic_for_usual_shapes(int images, int channels, int size)
    {
        foreach (var width in s_widths)
        {
            Check([images, channels, size, size], 32, true, width, new Random(2));
        }
    }

    [TestMethod]
    public void Far_means_and_large_values_stay_exact()
    {
        var random = new Random(3);
        foreach (var width in s_widths)
        {
            Check([2, 8, 64, 64], 2, true, width, random, scale: 30, shift: 100, tolerance: 2e-5);
        }
    }

    [TestMethod]
    public void Moments_may_be_left_out()
    {
        var inputs = Inputs([2, 4, 5], new Random(4), 1, 0);
        var all = OneNode.Run(new GroupNormSilu(), inputs, Attributes(2, true));
        var one = OneNode.Run(new GroupNormSilu(), inputs, Attributes(2, true), outputs: 1);

        Assert.HasCount(1, one);
        Assert.AreSequenceEqual(all[0].Data.ToArray(), one[0].Data.ToArray());
    }

    [TestMethod]
    public void Results_have_the_same_bits_on_any_number_of_threads()
    {
        var random = new Random(5);
        var inputs = Inputs([4, 64, 9, 9], random, 1, 0);
        byte[][]? first = null;
        foreach (var threads in (int[])[1, 2, 3])
        {
            var forward = OneNode.Run(new GroupNormSilu(), inputs, Attributes(16, true), threads);
            NdArray[] results = [.. forward, .. OneNode.Run(new GroupNormSiluGrad(), [OneNode.Random(new Random(6), 4, 64, 9, 9), .. inputs, .. forward[1..]], Attributes(16, true), threads)];
            first ??= [.. results.Select(result => result.Data.ToArray())];
            foreach (var (expected, actual) in first.Zip(results))
            {
                Assert.AreSequenceEqual(expected, actual.Data.ToArray());
            }
        }
    }

    [TestMethod]
    public void Not_a_number_stays_in_its_group()
    {
        var inputs = Inputs([1, 4, 40], new Random(7), 1, 0);
        var values = inputs[0].AsSpan<float>().ToArray();
        values[7] = float.NaN;
        inputs[0] = NdArray.Create(values, 1, 4, 40);
        var y = OneNode.Run(new GroupNormSilu(), inputs, Attributes(2, true))[0].AsSpan<float>().ToArray();

        Assert.IsTrue(y[..80].All(float.IsNaN));
        Assert.IsTrue(y[80..].All(float.IsFinite));
    }

    [TestMethod]
    public void Wrong_sizes_are_errors_that_name_the_node()
    {
        var random = new Random(8);
        var inputs = Inputs([2, 6, 5], random, 1, 0);
        foreach (var attempt in (Action[])[
            () => OneNode.Run(new GroupNormSilu(), inputs, Attributes(4, true)),
            () => OneNode.Run(new GroupNormSilu(), [inputs[0], OneNode.Random(random, 5), inputs[2]], Attributes(3, true)),
            () => OneNode.Run(new GroupNormSiluGrad(), [OneNode.Random(random, 2, 6, 5), .. inputs, OneNode.Random(random, 2, 2), OneNode.Random(random, 2, 3)], Attributes(3, true))])
        {
            Assert.Contains("the_node", Assert.Throws<CompressToolException>(attempt).Message);
        }

        Assert.Contains("activation 2", Assert.Throws<CompressToolException>(() => OneNode.Run(new GroupNormSilu(), inputs, [Attribute.Int("num_groups", 1), Attribute.Int("activation", 2)])).Message);
    }

    private static Attribute[] Attributes(long groups, bool silu) => [Attribute.Int("num_groups", groups), Attribute.Float("epsilon", 1e-5f), Attribute.Int("activation", silu ? 1 : 0)];

    private static NdArray[] Inputs(long[] dims, Random random, float scale, float shift)
    {
        var x = OneNode.Random(random, dims).AsSpan<float>().ToArray();
        return [NdArray.Create(Array.ConvertAll(x, value => (value * scale) + shift), dims), OneNode.Random(random, dims[1]), OneNode.Random(random, dims[1])];
    }

    private static void Check(long[] dims, int groups, bool silu, SimdWidth width, Random random, float scale = 1, float shift = 0, double tolerance = 1e-5)
    {
        var what = $"[{string.Join(',', dims)}] groups {groups} silu {silu} {width}";
        var inputs = Inputs(dims, random, scale, shift);
        var gradient = OneNode.Random(random, dims);
        var expected = Reference(dims, groups, silu, inputs, gradient);

        var forward = OneNode.Run(new GroupNormSilu(width), inputs, Attributes(groups, silu));
        Assert.AreSequenceEqual(dims, forward[0].Dims, what);
        Assert.AreSequenceEqual([dims[0], groups], forward[1].Dims, what);
        OneNode.AssertClose(expected.Y, forward[0], tolerance, $"Y of {what}");
        OneNode.AssertClose(expected.Mean, forward[1], tolerance, $"mean of {what}", 1e-6);
        OneNode.AssertClose(expected.InverseDeviation, forward[2], tolerance, $"invstd of {what}");

        var backward = OneNode.Run(new GroupNormSiluGrad(width), [gradient, .. inputs, forward[1], forward[2]], Attributes(groups, silu));
        Assert.AreSequenceEqual(dims, backward[0].Dims, what);
        Assert.AreSequenceEqual([dims[1]], backward[1].Dims, what);

        // A group of one element has no gradient but rounding errors of terms that cancel.
        var smallest = 1e-5 * expected.InverseDeviation.Max();
        OneNode.AssertClose(expected.Dx, backward[0], tolerance, $"dX of {what}", smallest);
        OneNode.AssertClose(expected.Dscale, backward[1], tolerance, $"dscale of {what}", 1e-6);
        OneNode.AssertClose(expected.Dbias, backward[2], tolerance, $"dbias of {what}", 1e-6);
    }

    private static (double[] Y, double[] Mean, double[] InverseDeviation, double[] Dx, double[] Dscale, double[] Dbias) Reference(long[] dims, int groups, bool silu, NdArray[] inputs, NdArray gradient)
    {
        ReadOnlySpan<float> x = inputs[0].AsSpan<float>(), scale = inputs[1].AsSpan<float>(), bias = inputs[2].AsSpan<float>(), dy = gradient.AsSpan<float>();
        var (images, channels, size) = ((int)dims[0], (int)dims[1], (int)dims[2..].Aggregate(1L, (count, dim) => count * dim));
        var groupSize = channels / groups * size;
        double[] y = new double[x.Length], dx = new double[x.Length], mean = new double[images * groups], inverse = new double[mean.Length], dscale = new double[channels], dbias = new double[channels];
        for (var group = 0; group < mean.Length; group++)
        {
            var start = group * groupSize;
            for (var i = start; i < start + groupSize; i++)
            {
                mean[group] += (double)x[i] / groupSize;
            }

            double variance = 0;
            for (var i = start; i < start + groupSize; i++)
            {
                variance += (x[i] - mean[group]) * (x[i] - mean[group]) / groupSize;
            }

            inverse[group] = 1 / Math.Sqrt(variance + 1e-5f);
            double a = 0, b = 0;
            var dz = new double[groupSize];
            for (var i = start; i < start + groupSize; i++)
            {
                var c = i / size % channels;
                var normalized = (x[i] - mean[group]) * inverse[group];
                var z = (normalized * scale[c]) + bias[c];
                var sigmoid = 1 / (1 + Math.Exp(-z));
                y[i] = silu ? z * sigmoid : z;
                dz[i - start] = dy[i] * (silu ? sigmoid * (1 + (z * (1 - sigmoid))) : 1);
                dscale[c] += dz[i - start] * normalized;
                dbias[c] += dz[i - start];
                a += dz[i - start] * scale[c] / groupSize;
                b += dz[i - start] * scale[c] * normalized / groupSize;
            }

            for (var i = start; i < start + groupSize; i++)
            {
                dx[i] = inverse[group] * ((dz[i - start] * scale[i / size % channels]) - a - ((x[i] - mean[group]) * inverse[group] * b));
            }
        }

        return (y, mean, inverse, dx, dscale, dbias);
    }
}
