using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.WeightOnly;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class BiasCorrectionTests
{
    [TestMethod]
    public void A_worked_example()
    {
        var shift = BiasCorrection.Shift([1, 2, 3, 4], [1.5f, 2, 2, 5], [2, -1]);
        Matrices.AreClose([(0.5 * 2) + 1, -1], shift, 0);
        CollectionAssert.AreEqual(new float[] { 8, 11 }, BiasCorrection.Correct([10, 10], shift));
        CollectionAssert.AreEqual(new float[] { -2, 1 }, BiasCorrection.Correct([], shift));
    }

    [TestMethod]
    public void The_mean_output_of_a_convolution_is_that_of_the_original_borders_included()
    {
        const int outputs = 5;
        var patches = new ConvolutionPatches(8, 4, 4, 3, 3) { Padding = (1, 1, 1, 1) };
        var input = Matrices.Random(3 * 8 * 16, 1).Select(x => x + 1).ToArray(); // A mean that the padding does not have.
        var rows = new List<float>();
        var moments = new InputMoments(patches.Length);
        patches.ForEach(input, 0, block =>
        {
            rows.AddRange(block);
            moments.Add(block);
        });
        Assert.AreEqual(48, moments.Rows);

        var weights = Matrices.Random(patches.Length * outputs, 2);
        var quantized = new BlockGrid(patches.Length, outputs, new BlockFormat(4, 16, IsSymmetric: true), false).RoundToNearest(weights, outputs);
        var shift = BiasCorrection.Shift(weights, quantized, moments.Means());
        var (before, after) = (Means(weights), Means(quantized));
        Matrices.AreClose([.. after.Zip(before, (a, b) => a - b)], shift, 1e-6);
        Assert.IsGreaterThan(0.01, shift.Max(Math.Abs));

        double[] Means(float[] weights)
        {
            var outputsOfRows = Matrices.Product(Matrices.Doubles([.. rows]), Matrices.Doubles(weights), 48, outputs, patches.Length);
            return [.. Enumerable.Range(0, outputs).Select(o => Enumerable.Range(0, 48).Average(row => outputsOfRows[(row * outputs) + o]))];
        }
    }

    [TestMethod]
    public void Moments_are_those_of_the_columns()
    {
        var moments = new InputMoments(2);
        Assert.ThrowsExactly<InvalidOperationException>(() => moments.Means());
        Assert.ThrowsExactly<ArgumentException>(() => moments.Add([1]));
        moments.Add([1, -2]);
        moments.Add([-3, -4, 5, 0]);
        CollectionAssert.AreEqual(new double[] { 1, -2 }, moments.Means());
        CollectionAssert.AreEqual(new double[] { 3, 2 }, moments.MeanSizes());
        CollectionAssert.AreEqual(new float[] { 5, 4 }, moments.Largest.ToArray());
    }
}
