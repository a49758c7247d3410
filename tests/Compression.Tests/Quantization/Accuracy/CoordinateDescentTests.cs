using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.WeightOnly;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class CoordinateDescentTests
{
    private const int Rows = 150, Columns = 70; // More than one block and slab, neither whole.

    private static readonly float[] _weights = Matrices.Random(Rows * Columns, 1);
    private static readonly double[] _hessian = Matrices.Hessian(Matrices.Correlated(600, Rows, 2), Rows);

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Rounded_weights_get_better_and_no_single_change_can_improve_them_further(bool blocks)
    {
        var grid = Grid(blocks);
        var quantized = grid.RoundToNearest(_weights, Columns);
        var before = Matrices.Error(_weights, quantized, Columns, _hessian);
        var changes = CoordinateDescent.Improve(_weights, quantized, Columns, _hessian, grid, damping: 0, rounds: 100);
        var after = Matrices.Error(_weights, quantized, Columns, _hessian);
        Assert.IsLessThan(0.5 * before, after);
        Assert.IsGreaterThan(_weights.Length / 20, changes);
        CollectionAssert.AreEqual(grid.RoundAll(quantized, Columns), quantized);

        var difference = quantized.Zip(_weights, (q, w) => (double)q - w).ToArray();
        var slopes = Matrices.Product(_hessian, difference, Rows, Columns, Rows);
        var (scales, zeros, code) = (new float[1], new float[1], new float[1]);
        for (var i = 0; i < _weights.Length; i++)
        {
            grid.GetParameters(i / Columns, i % Columns, scales, zeros);
            grid.Encode(i / Columns, i % Columns, quantized.AsSpan(i, 1), code);
            for (var other = grid.Low; other <= grid.High; other++)
            {
                var step = (double)(other - code[0]) * scales[0];
                var gain = -step * ((2 * slopes[i]) + (step * _hessian[i / Columns * (Rows + 1)]));
                Assert.IsLessThan(1e-4 * after, gain, $"weight {i}");
            }
        }
    }

    [TestMethod]
    public void It_does_what_a_plain_loop_over_all_weights_does()
    {
        var grid = Grid(blocks: false);
        var quantized = grid.RoundToNearest(_weights, Columns);
        float[] expected = [.. quantized];
        CoordinateDescent.Improve(_weights, quantized, Columns, _hessian, grid, damping: 0.1, rounds: 2);

        var added = 0.1 * Enumerable.Range(0, Rows).Average(i => _hessian[i * (Rows + 1)]);
        for (var turn = 0; turn < 2 * _weights.Length; turn++)
        {
            var (row, column) = (turn % _weights.Length / Columns, turn % Columns);
            var slope = Enumerable.Range(0, Rows).Sum(k => (_hessian[(row * Rows) + k] + (k == row ? added : 0)) * (expected[(k * Columns) + column] - (double)_weights[(k * Columns) + column]));
            var vertex = expected[(row * Columns) + column] - (slope / (_hessian[row * (Rows + 1)] + added));
            grid.Round(row, column, [(float)vertex], expected.AsSpan((row * Columns) + column, 1));
        }

        Assert.IsLessThan(_weights.Length / 100, quantized.Zip(expected, (a, b) => a == b ? 0 : 1).Sum());
    }

    [TestMethod]
    public void The_result_of_gptq_gets_better_too()
    {
        var grid = Grid(blocks: true);
        var result = Gptq.Quantize(_weights, Columns, _hessian, grid, new GptqOptions()).Weights;
        var before = OutputError.Of(_weights, result, Columns, _hessian);
        CoordinateDescent.Improve(_weights, result, Columns, _hessian, grid);
        Assert.IsLessThan(0.95 * before, OutputError.Of(_weights, result, Columns, _hessian));
    }

    [TestMethod]
    public void What_cannot_be_improved_stays_and_so_do_weights_of_inputs_that_are_always_zero()
    {
        var grid = Grid(blocks: true);
        var quantized = grid.RoundToNearest(_weights, Columns);
        float[] nearest = [.. quantized];
        Assert.AreEqual(0, CoordinateDescent.Improve(_weights, quantized, Columns, Matrices.Identity(Rows), grid));
        CollectionAssert.AreEqual(nearest, quantized);

        Array.Clear(quantized);
        var hessian = Matrices.Identity(Rows);
        hessian[0] = 0;
        Assert.AreNotEqual(0, CoordinateDescent.Improve(_weights, quantized, Columns, hessian, grid));
        CollectionAssert.AreEqual(new float[Columns], quantized[..Columns]);
        CollectionAssert.AreEqual(nearest[Columns..], quantized[Columns..]);
    }

    private static IWeightGrid Grid(bool blocks) => blocks
        ? new BlockGrid(Rows, Columns, new BlockFormat(4, 32, IsSymmetric: false), false)
        : new ColumnGrid(Rows, Columns, new IntegerRange(-8, 7, -7, 7, IsSymmetric: true));
}
