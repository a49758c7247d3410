using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.WeightOnly;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class AdaRoundTests
{
    private const int Rows = 60, Columns = 21;

    private static readonly float[] _weights = Matrices.Random(Rows * Columns, 1);
    private static readonly double[] _hessian = Matrices.Hessian(Matrices.Correlated(400, Rows, 2), Rows);
    private static readonly AdaRoundOptions _options = new() { Iterations = 500 };

    [TestMethod]
    public void It_starts_where_the_rectified_sigmoid_is_the_rest()
    {
        Assert.AreEqual(-0.887303, SoftRounding.Initial(0.25f), 1e-6);
        Assert.AreEqual(0.25, SoftRounding.Rectified(-0.887303f), 1e-6);
        Assert.AreEqual(0, SoftRounding.Rectified(-9));
        Assert.AreEqual(1, SoftRounding.Rectified(9));
    }

    [TestMethod]
    public void The_exponent_falls_after_a_warm_up()
    {
        var options = new AdaRoundOptions { Iterations = 1000 };
        Assert.IsNull(options.Beta(199));
        Assert.AreEqual(20, options.Beta(200)!.Value, 1e-9);
        Assert.AreEqual(11, options.Beta(600)!.Value, 1e-9);
        Assert.AreEqual(2, options.Beta(1000)!.Value, 1e-9);
    }

    [TestMethod]
    public void At_the_start_nothing_differs_except_what_is_off_the_grid()
    {
        var grid = new ColumnGrid(2, 1, new IntegerRange(-8, 7, -8, 7, IsSymmetric: true));
        grid.Scales[0] = 1;
        var rounding = new SoftRounding([2.3f, 9.5f], 1, grid);
        var differences = new float[2 * rounding.Width];
        rounding.Differ(0, differences);
        rounding.Differ(1, differences);
        Assert.AreEqual(0, differences[0], 1e-6f);
        Assert.AreEqual(-2.5f, differences[rounding.Width], 1e-6f);
        CollectionAssert.AreEqual(new float[] { 2, 7 }, rounding.Harden([2.3f, 9.5f]));
    }

    [TestMethod]
    public void A_step_follows_the_slope_of_the_loss()
    {
        // The loss of one weight, as a function of V; Adam's first step is the learning rate against the sign of its slope.
        foreach (var (rest, pull, lambda, beta) in new[] { (0.3f, 0.5f, 0f, 0f), (0.3f, -0.5f, 0, 0), (0.3f, 0, 1, 4), (0.7f, 0, 1, 4), (0.3f, -5, 1, 4), (0.3f, -0.1f, 1, 4) })
        {
            var grid = new ColumnGrid(1, 1, new IntegerRange(-8, 7, -8, 7, IsSymmetric: true));
            grid.Scales[0] = 1;
            var rounding = new SoftRounding([2 + rest], 1, grid);
            var gradients = new float[rounding.Width];
            gradients[0] = pull;
            rounding.Step(0, gradients, [2, 0, 0, 0, 0, 0, 0, 0], lambda, beta, 0.01, 1);
            var differences = new float[rounding.Width];
            rounding.Differ(0, differences);

            double Loss(double v)
            {
                var h = Math.Clamp((1.2 / (1 + Math.Exp(-v))) - 0.1, 0, 1);
                return (2 * pull * h) + (lambda * (1 - Math.Pow(Math.Abs((2 * h) - 1), beta)));
            }

            var start = SoftRounding.Initial(rest);
            var slope = (Loss(start + 1e-4) - Loss(start - 1e-4)) / 2e-4;
            var moved = start - (0.01f * Math.Sign(slope));
            Assert.AreEqual(SoftRounding.Rectified(moved) - rest, differences[0], 1e-5, $"{rest} {pull} {lambda} {beta}");
        }
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void The_error_falls_and_every_weight_has_one_of_its_two_codes(bool blocks)
    {
        IWeightGrid grid = blocks
            ? new BlockGrid(Rows, Columns, new BlockFormat(4, 16, IsSymmetric: false), false)
            : new ColumnGrid(Rows, Columns, new IntegerRange(-8, 7, -7, 7, IsSymmetric: true));
        var nearest = grid.RoundToNearest(_weights, Columns);
        var result = AdaRound.Round(_weights, Columns, _hessian, grid, _options);
        Assert.AreEqual(Matrices.Error(_weights, nearest, Columns, _hessian), result.NearestError, 1e-4 * result.NearestError);
        Assert.AreEqual(Matrices.Error(_weights, result.Weights, Columns, _hessian), result.Error, 1e-4 * result.Error);
        Assert.IsLessThan(0.5 * result.NearestError, result.Error);
        Assert.IsLessThan(3, result.NearestColumns);
        CollectionAssert.AreEqual(grid.RoundAll(result.Weights, Columns), result.Weights);
        var scales = new float[1];
        for (var i = 0; i < _weights.Length; i++)
        {
            grid.GetParameters(i / Columns, i % Columns, scales, new float[1]);
            Assert.IsLessThan(1.001f * Math.Abs(scales[0]), Math.Abs(result.Weights[i] - nearest[i]));
        }
    }

    [TestMethod]
    public void Small_problems_are_solved_more_than_half_as_well_as_by_trying_everything()
    {
        const int rows = 10, columns = 16;
        var weights = Matrices.Random(rows * columns, 3);
        var hessian = Matrices.Hessian(Matrices.Correlated(100, rows, 4), rows);
        var grid = new ColumnGrid(rows, columns, new IntegerRange(-8, 7, -7, 7, IsSymmetric: true));
        grid.FindAll(weights, columns);
        var result = AdaRound.Round(weights, columns, hessian, grid, _options);
        var best = Enumerable.Range(0, columns).Sum(column => Enumerable.Range(0, 1 << rows).Min(ups =>
        {
            var (w, q) = (new float[rows], new float[rows]);
            for (var row = 0; row < rows; row++)
            {
                w[row] = weights[(row * columns) + column];
                q[row] = Math.Clamp(MathF.Floor(w[row] / grid.Scales[column]) + ((ups >> row) & 1), -8, 7) * grid.Scales[column];
            }

            return Matrices.Error(w, q, 1, hessian);
        }));
        Assert.IsGreaterThan(best * 0.9999, result.Error);
        Assert.IsLessThan(0.4, (result.Error - best) / (result.NearestError - best));
    }

    [TestMethod]
    public void Columns_that_gain_nothing_are_rounded_to_nearest()
    {
        // Without correlation nearest is best.
        var grid = new ColumnGrid(Rows, Columns, IntegerRange.Signed(false));
        var nearest = grid.RoundToNearest(_weights, Columns);
        var result = AdaRound.Round(_weights, Columns, Matrices.Identity(Rows), grid, new AdaRoundOptions { Iterations = 20 });
        CollectionAssert.AreEqual(nearest, result.Weights);
        Assert.AreEqual(Columns, result.NearestColumns);
        Assert.AreEqual(result.NearestError, result.Error);
    }

    [TestMethod]
    public void The_number_of_threads_changes_no_bit()
    {
        var grid = new BlockGrid(Rows, Columns, new BlockFormat(4, 16, IsSymmetric: true), false);
        grid.FindAll(_weights, Columns);
        var one = AdaRound.Round(_weights, Columns, _hessian, grid, new AdaRoundOptions { Iterations = 30, Threads = 1 });
        var many = AdaRound.Round(_weights, Columns, _hessian, grid, new AdaRoundOptions { Iterations = 30, Threads = 4 });
        CollectionAssert.AreEqual(one.Weights, many.Weights);
    }
}
