using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;
using CompressTool.Compression.Quantization.WeightOnly;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class LowRankBranchTests
{
    [TestMethod]
    public void A_worked_example()
    {
        // diag(3, 1): rank 1 leaves 1 of sqrt(10).
        float[] weights = [3, 0, 0, 1];
        var factors = LowRankBranch.Find(weights, 2, 1);
        Matrices.AreClose([3], factors.SingularValues, 1e-12);
        Assert.AreEqual(0.316228, Norm(factors.Residual(weights)) / Norm(weights), 1e-6);
    }

    [TestMethod]
    [DataRow(40, 25)]
    [DataRow(25, 40)]
    public void Full_rank_leaves_nothing_and_the_error_falls_with_the_rank(int rows, int columns)
    {
        var weights = Matrices.Random(rows * columns, 1);
        var last = Norm(weights);
        for (var rank = 1; rank <= 25; rank++)
        {
            var norm = Norm(LowRankBranch.Find(weights, columns, rank).Residual(weights));
            Assert.IsLessThan(last, norm);
            last = norm;
        }

        Assert.IsLessThan(1e-5, last);
        Assert.HasCount(25, LowRankBranch.Find(weights, columns, 99).SingularValues);
    }

    [TestMethod]
    [DataRow(150, 90)]
    [DataRow(90, 150)]
    public void It_is_the_best_approximation_of_its_rank(int rows, int columns)
    {
        // Known singular values: 2^-i/4 in random directions.
        const int size = 60, rank = 16;
        double[] values = [.. Enumerable.Range(0, size).Select(i => Math.Pow(2, -i / 4.0))];
        var (left, right) = (Matrices.Doubles(Matrices.Random(size * rows, 1)), Matrices.Doubles(Matrices.Random(size * columns, 2)));
        DoubleRows.Orthonormalize(left, rows);
        DoubleRows.Orthonormalize(right, columns);
        var scaled = left.Select((x, i) => x * values[i / rows]).ToArray();
        var weights = Matrices.Product(Matrices.Transpose(scaled, size, rows), right, rows, columns, size).Select(x => (float)x).ToArray();

        var factors = LowRankBranch.Find(weights, columns, rank, seed: 7);
        Matrices.AreClose(values[..rank], factors.SingularValues, 1e-6);
        var best = Math.Sqrt(values[rank..].Sum(x => x * x));
        Assert.AreEqual(best, Norm(factors.Residual(weights)), 1e-5 * best);

        // The factors share the size.
        Assert.AreEqual(Norm(factors.Left), Norm(factors.Right), 1e-5 * Norm(factors.Left));
    }

    [TestMethod]
    public void Weights_of_lower_rank_make_no_trouble()
    {
        var zero = LowRankBranch.Find(new float[20 * 30], 30, 4);
        Assert.IsTrue(zero.Left.Concat(zero.Right).All(x => x == 0));
        var weights = Matrices.Product(Matrices.Doubles(Matrices.Random(60, 1)), Matrices.Doubles(Matrices.Random(90, 2)), 20, 30, 3).Select(x => (float)x).ToArray();
        var factors = LowRankBranch.Find(weights, 30, 12);
        Assert.IsTrue(factors.Left.Concat(factors.Right).All(float.IsFinite));
        Assert.IsLessThan(1e-5, Norm(factors.Residual(weights)));
    }

    [TestMethod]
    public void Quantizing_what_is_left_loses_less()
    {
        // A weight with a few strong directions, as outliers moved into it make.
        const int rows = 128, columns = 96;
        var strong = Matrices.Product(Matrices.Doubles(Matrices.Random(rows * 4, 1)), Matrices.Doubles(Matrices.Random(4 * columns, 2)), rows, columns, 4);
        var weights = Matrices.Random(rows * columns, 3, 0.2).Zip(strong, (w, s) => (float)(w + s)).ToArray();
        var residual = LowRankBranch.Find(weights, columns, 8).Residual(weights);
        Assert.IsLessThan(0.25 * Error(weights), Error(residual));

        double Error(float[] matrix)
        {
            var grid = new BlockGrid(rows, columns, new BlockFormat(4, 64, IsSymmetric: true), false);
            return Norm([.. grid.RoundToNearest(matrix, columns).Zip(matrix, (q, w) => q - w)]);
        }
    }

    [TestMethod]
    public void The_seed_decides_and_threads_do_not()
    {
        var weights = Matrices.Random(200 * 100, 1);
        var one = LowRankBranch.Find(weights, 100, 8, seed: 1, iterations: 1, threads: 1);
        CollectionAssert.AreEqual(one.Left, LowRankBranch.Find(weights, 100, 8, seed: 1, iterations: 1, threads: 4).Left);
        CollectionAssert.AreNotEqual(one.Left, LowRankBranch.Find(weights, 100, 8, seed: 2, iterations: 1).Left);
    }

    private static double Norm(float[] matrix) => Math.Sqrt(matrix.Sum(x => (double)x * x));
}
