using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.WeightOnly;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class AwqScalesTests
{
    private const int Rows = 80, Columns = 70, Samples = 300, Group = 32;

    private static readonly float[] _weights = Matrices.Random(Rows * Columns, 1);
    private static readonly float[] _inputs = Inputs();
    private static readonly double[] _hessian = Matrices.Hessian(_inputs, Rows);

    [TestMethod]
    public void The_scales_are_those_of_a_search_over_the_samples()
    {
        var grid = Grid(Group);
        var result = AwqScales.Find(_weights, Columns, Sizes(), _hessian, grid);
        var (best, bestRatio, bestScales) = (double.MaxValue, -1.0, Array.Empty<double>());
        for (var step = 0; step <= 20; step++)
        {
            var scales = Published(step / 20.0);
            float[] singles = [.. scales.Select(scale => (float)scale)];
            var quantized = Grid(Group).RoundToNearest([.. _weights.Select((w, i) => w * singles[i / Columns])], Columns);
            double[] difference = [.. quantized.Select((q, i) => (q / (double)singles[i / Columns]) - _weights[i])];
            var error = Matrices.Product(Matrices.Doubles(_inputs), difference, Samples, Columns, Rows).Sum(x => 2 * x * x / Samples);
            if (error < best)
            {
                (best, bestRatio, bestScales) = (error, step / 20.0, scales);
            }
        }

        Assert.AreEqual(bestRatio, result.Ratio);
        Matrices.AreClose(bestScales, Matrices.Doubles(result.Scales), 1e-5 * bestScales.Max());
        Assert.IsLessThan(0.8 * result.PlainError, best, "Large inputs make scaling worthwhile.");

        // Clipping helps further, and the result is what the grid now says.
        Assert.IsLessThan(0.97 * best, result.Error);
        var applied = AwqScales.Apply(_weights, Columns, result.Scales, result.Clips, Group);
        float[] decoded = [.. grid.RoundAll(AwqScales.Apply(_weights, Columns, result.Scales, null, Group), Columns).Select((q, i) => q / result.Scales[i / Columns])];
        Assert.AreEqual(result.Error, Matrices.Error(_weights, decoded, Columns, _hessian), 1e-4 * result.Error);
        CollectionAssert.AreEqual(grid.RoundAll(applied, Columns), Grid(Group).RoundToNearest(applied, Columns), "The grid has the range of the clipped weight.");
    }

    [TestMethod]
    public void Clipping_is_the_best_of_each_group_for_its_own_part_of_the_output()
    {
        // One group a column: the group's part is the whole, so the search is exact.
        var grid = new ColumnGrid(Rows, Columns, new IntegerRange(-8, 7, -7, 7, IsSymmetric: true));
        var result = AwqScales.Find(_weights, Columns, Sizes(), _hessian, grid);
        var expected = new double[Columns];
        Array.Fill(expected, double.MaxValue);
        for (var step = 0; step <= 10; step++)
        {
            var clips = new float[Columns];
            Array.Fill(clips, 1 - (step / 20f));
            var candidate = AwqScales.Apply(_weights, Columns, result.Scales, clips, Rows);
            var clipped = new ColumnGrid(Rows, Columns, new IntegerRange(-8, 7, -7, 7, IsSymmetric: true));
            clipped.FindAll(candidate, Columns);
            var rounded = clipped.RoundAll(AwqScales.Apply(_weights, Columns, result.Scales, null, Rows), Columns);
            var errors = OutputError.OfColumns(_weights, [.. rounded.Select((q, i) => q / result.Scales[i / Columns])], Columns, _hessian);
            expected = [.. expected.Zip(errors, Math.Min)];
        }

        Assert.AreEqual(expected.Sum(), result.Error, 1e-4 * result.Error);
    }

    [TestMethod]
    public void Clips_are_shares_of_the_largest_weight_of_a_group()
    {
        float[] weights = [1, -4, 8, 2];
        CollectionAssert.AreEqual(new float[] { 2, -4, 4, 2 }, AwqScales.Apply(weights, 1, [2, 1, 1, 1], [1, 0.5f], 2));
        CollectionAssert.AreEqual(new float[] { 2, -2, 8, 2 }, AwqScales.Apply(weights, 1, [2, 1, 1, 1], [0.5f, 1], 2));
        CollectionAssert.AreEqual(new float[] { 2, -4, 8, 2 }, AwqScales.Apply(weights, 1, [2, 1, 1, 1], null, 2));
    }

    [TestMethod]
    public void It_is_never_worse_than_doing_nothing()
    {
        // Whole numbers are on the grid: nothing can be gained.
        var weights = Enumerable.Range(0, Rows * Columns).Select(i => (float)(i % 16 == 0 ? -8 : (i * 7 % 15) - 7)).ToArray();
        for (var column = 0; column < Columns; column++)
        {
            for (var row = 0; row < Rows; row += Group)
            {
                weights[(row * Columns) + column] = -8;
            }
        }

        var result = AwqScales.Find(weights, Columns, Sizes(), _hessian, Grid(Group));
        Assert.IsNull(result.Ratio);
        Assert.AreEqual((0.0, 0.0), (result.PlainError, result.Error));
        Assert.IsTrue(result.Scales.Concat(result.Clips).All(x => x == 1));
    }

    private static BlockGrid Grid(int block) => new(Rows, Columns, new BlockFormat(4, block, IsSymmetric: true), false);

    private static double[] Sizes()
    {
        var moments = new InputMoments(Rows);
        moments.Add(_inputs);
        return moments.MeanSizes();
    }

    /// <summary>Some inputs are much larger than others.</summary>
    private static float[] Inputs() => [.. Matrices.Correlated(Samples, Rows, 2).Select((x, i) => i % Rows % 10 == 3 ? 20 * x : x)];

    private static double[] Published(double ratio)
    {
        var weightSizes = Enumerable.Range(0, Rows).Select(row => Enumerable.Range(0, Columns).Average(column =>
        {
            var first = row / Group * Group;
            var largest = Enumerable.Range(first, Math.Min(Group, Rows - first)).Max(k => Math.Abs(_weights[(k * Columns) + column]));
            return Math.Abs(_weights[(row * Columns) + column]) / (largest + 1e-6);
        }));
        double[] scales = [.. Sizes().Zip(weightSizes, (x, w) => Math.Max(1e-4, Math.Pow(x, ratio) / (Math.Pow(w, 1 - ratio) + 1e-4)))];
        return [.. scales.Select(scale => scale / Math.Sqrt(scales.Max() * scales.Min()))];
    }
}
