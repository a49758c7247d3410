using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.WeightOnly;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class GptqTests
{
    private const int Rows = 200, Columns = 70;

    private static readonly float[] _weights = Matrices.Random(Rows * Columns, 1, 0.1);
    private static readonly double[] _hessian = Matrices.Hessian(Matrices.Correlated(600, Rows, 2), Rows);

    [TestMethod]
    public void The_worked_example()
    {
        // H = [[2, 1.5], [1.5, 2]], w = (0.6, 0.7) on whole numbers: (1, 0) has the error 0.46, (1, 1) 0.86.
        double[] hessian = [2, 1.5, 1.5, 2];
        float[] weights = [0.6f, 0.7f];
        var result = Gptq.Quantize(weights, 1, hessian, new WholeNumbers(2), new GptqOptions { Damping = 0 });
        CollectionAssert.AreEqual(new float[] { 1, 0 }, result.Weights);
        Assert.AreEqual(0.46, OutputError.Of(weights, result.Weights, 1, hessian), 1e-6);
        Assert.AreEqual(0.86, OutputError.Of(weights, [1, 1], 1, hessian), 1e-6);

        // What row 0 leaves to row 1: -U01 / U11 of the inverse's factor, 0.801784 / 1.069045 = 0.75.
        Assert.AreEqual(0.75f, HessianFactor.Find(hessian, [0, 1], 0, 1, default)!.Share(0, 1), 1e-6f);
    }

    [TestMethod]
    [DataRow("columns", false)]
    [DataRow("columns", true)]
    [DataRow("blocks", false)]
    [DataRow("blocks", true)]
    [DataRow("asymmetric", false)]
    [DataRow("large", false)]
    public void The_result_is_that_of_the_published_algorithm(string kind, bool ordered)
    {
        var grid = Grid(kind);
        var result = Gptq.Quantize(_weights, Columns, _hessian, grid, new GptqOptions { OrdersByActivation = ordered, BlockSize = 48 });
        var expected = Published(Grid(kind), ordered, 0.01);
        Assert.AreEqual(0.01, result.Damping);
        CollectionAssert.AreEqual(result.Weights, grid.RoundAll(result.Weights, Columns), "The weights are on the grid.");

        // A weight halfway between two codes may be rounded otherwise, and its successors then differ too.
        var different = result.Weights.Zip(expected, (a, b) => Math.Abs(a - b) > 1e-4 ? 1 : 0).Sum();
        Assert.IsLessThan(_weights.Length / 100, different);
        var (error, plain) = (OutputError.Of(_weights, result.Weights, Columns, _hessian), OutputError.Of(_weights, Grid(kind).RoundToNearest(_weights, Columns), Columns, _hessian));
        Assert.AreEqual(OutputError.Of(_weights, expected, Columns, _hessian), error, 0.01 * error);
        Assert.IsLessThan(0.6 * plain, error);
    }

    [TestMethod]
    [DataRow("columns")]
    [DataRow("blocks")]
    [DataRow("asymmetric")]
    public void Without_correlation_it_rounds_to_nearest(string kind)
    {
        var result = Gptq.Quantize(_weights, Columns, Matrices.Identity(Rows), Grid(kind), new GptqOptions());
        CollectionAssert.AreEqual(Grid(kind).RoundToNearest(_weights, Columns), result.Weights);
    }

    [TestMethod]
    public void Inputs_that_are_always_zero_lose_their_weights_and_disturb_nothing()
    {
        var inputs = Matrices.Correlated(600, Rows, 2);
        for (var i = 0; i < inputs.Length; i += Rows)
        {
            inputs[i] = inputs[i + 150] = 0;
        }

        var result = Gptq.Quantize(_weights, Columns, Matrices.Hessian(inputs, Rows), Grid("blocks"), new GptqOptions());
        Assert.AreEqual(0.01, result.Damping);
        foreach (var row in new[] { 0, 150 })
        {
            CollectionAssert.AreEqual(new float[Columns], result.Weights[(row * Columns)..((row + 1) * Columns)]);
        }

        Assert.IsTrue(result.Weights.All(float.IsFinite));
        Assert.IsTrue(result.Weights.AsSpan(Columns, Columns).ContainsAnyExcept(0f));
    }

    [TestMethod]
    public void A_matrix_that_is_not_definite_is_damped_more_and_one_that_is_not_finite_is_not_used()
    {
        var indefinite = Matrices.Identity(Rows);
        indefinite[1] = indefinite[Rows] = 1.05; // Eigenvalue -0.05.
        Assert.AreEqual(0.1, Gptq.Quantize(_weights, Columns, indefinite, Grid("columns"), new GptqOptions()).Damping);

        var broken = Matrices.Identity(Rows);
        broken[0] = double.NaN;
        var result = Gptq.Quantize(_weights, Columns, broken, Grid("columns"), new GptqOptions());
        Assert.IsNull(result.Damping);
        CollectionAssert.AreEqual(Grid("columns").RoundToNearest(_weights, Columns), result.Weights);
    }

    [TestMethod]
    public void The_number_of_threads_and_the_block_size_are_matters_of_speed()
    {
        var one = Gptq.Quantize(_weights, Columns, _hessian, Grid("blocks"), new GptqOptions { Threads = 1 }).Weights;
        CollectionAssert.AreEqual(one, Gptq.Quantize(_weights, Columns, _hessian, Grid("blocks"), new GptqOptions { Threads = 4 }).Weights);
        var other = Gptq.Quantize(_weights, Columns, _hessian, Grid("blocks"), new GptqOptions { BlockSize = 16 }).Weights;
        Assert.IsLessThan(one.Length / 100, one.Zip(other, (a, b) => Math.Abs(a - b) > 1e-4 ? 1 : 0).Sum());
    }

    [TestMethod]
    public void Errors_of_columns_are_those_of_the_samples()
    {
        var inputs = Matrices.Correlated(600, Rows, 2);
        var rounded = Grid("blocks").RoundToNearest(_weights, Columns);
        double[] change = [.. rounded.Zip(_weights, (q, w) => (double)q - w)];
        var outputs = Matrices.Product(Matrices.Doubles(inputs), change, 600, Columns, Rows);
        var expected = new double[Columns];
        for (var i = 0; i < outputs.Length; i++)
        {
            expected[i % Columns] += 2 * outputs[i] * outputs[i] / 600;
        }

        Matrices.AreClose(expected, OutputError.OfColumns(_weights, rounded, Columns, _hessian), 1e-5 * expected.Max());
    }

    private static IWeightGrid Grid(string kind) => kind switch
    {
        "columns" => new ColumnGrid(Rows, Columns, new IntegerRange(-8, 7, -7, 7, IsSymmetric: true)),
        "blocks" => new BlockGrid(Rows, Columns, new BlockFormat(4, 16, IsSymmetric: true), false),
        "asymmetric" => new BlockGrid(Rows, Columns, new BlockFormat(4, 32, IsSymmetric: false), false),
        _ => new BlockGrid(Rows, Columns, new BlockFormat(4, 128, IsSymmetric: false), false),
    };

    /// <summary>As the paper has it, with the upper Cholesky factor of the inverse, in float64, weight by weight.</summary>
    private static float[] Published(IWeightGrid grid, bool ordered, double damping)
    {
        var order = Enumerable.Range(0, Rows).ToArray();
        if (ordered)
        {
            order = [.. order.OrderByDescending(row => _hessian[row * (Rows + 1)])];
        }

        var damped = new double[Rows * Rows];
        var mean = Enumerable.Range(0, Rows).Average(i => _hessian[i * (Rows + 1)]);
        for (var i = 0; i < Rows; i++)
        {
            for (var j = 0; j < Rows; j++)
            {
                damped[(i * Rows) + j] = _hessian[(order[i] * Rows) + order[j]] + (i == j ? damping * mean : 0);
            }
        }

        var upper = Matrices.UpperCholesky(Matrices.Inverse(damped, Rows), Rows);
        var current = Matrices.Doubles(_weights);
        var result = new float[_weights.Length];
        if (ordered || grid.GroupSize == Rows)
        {
            grid.FindAll(_weights, Columns);
        }

        for (var i = 0; i < Rows; i++)
        {
            var row = order[i];
            if (!ordered && grid.GroupSize < Rows && row % grid.GroupSize == 0)
            {
                var singles = Array.ConvertAll(current, value => (float)value);
                for (var column = 0; column < Columns; column++)
                {
                    grid.FindParameters(row / grid.GroupSize, column, 1, singles.AsSpan((row * Columns) + column), Columns, Math.Min(grid.GroupSize, Rows - row));
                }
            }

            for (var column = 0; column < Columns; column++)
            {
                var place = (row * Columns) + column;
                grid.Round(row, column, [(float)current[place]], result.AsSpan(place, 1));
                var error = (current[place] - result[place]) / upper[i * (Rows + 1)];
                for (var j = i + 1; j < Rows; j++)
                {
                    current[(order[j] * Columns) + column] -= error * upper[(i * Rows) + j];
                }
            }
        }

        return result;
    }

    /// <summary>Codes that are the weights.</summary>
    private sealed class WholeNumbers(int rows) : IWeightGrid
    {
        public int GroupSize => rows;

        public int Low => -8;

        public int High => 7;

        public void FindParameters(int group, int firstColumn, int columns, ReadOnlySpan<float> weights, int step, int rows)
        {
        }

        public void GetParameters(int row, int firstColumn, Span<float> scales, Span<float> zeroPoints)
        {
            scales.Fill(1);
            zeroPoints.Clear();
        }

        public void Encode(int row, int firstColumn, ReadOnlySpan<float> weights, Span<float> codes)
        {
            for (var i = 0; i < weights.Length; i++)
            {
                codes[i] = MathF.Round(weights[i]);
            }
        }
    }
}
