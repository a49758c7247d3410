using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.WeightOnly;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Quantization.Accuracy;

[TestClass]
public sealed class WeightGridTests
{
    private const int Rows = 100, Columns = 70; // Part of a block, part of a slab.

    private static readonly float[] _weights = Matrices.Random(Rows * Columns, 1);

    [TestMethod]
    [DataRow(4, true)]
    [DataRow(4, false)]
    [DataRow(8, true)]
    [DataRow(8, false)]
    public void Blocks_have_the_scales_zero_points_and_codes_of_the_weight_only_schemes(int bits, bool isSymmetric)
    {
        var format = new BlockFormat(bits, 32, isSymmetric);
        var stored = BlockwiseWeight.Analyze(new WeightMatrix(Tensor.Floats([Rows, Columns], _weights), false), format, 1, default);
        var grid = new BlockGrid(Rows, Columns, format, halfScales: false);
        var rounded = grid.RoundToNearest(_weights, Columns);
        var blocks = format.Blocks(Rows);
        Assert.AreEqual(blocks, grid.Groups(Rows));
        CollectionAssert.AreEqual(stored.Scales().ToArray<float>(), Matrices.Transpose(grid.Scales, blocks, Columns));

        var codes = stored.Codes().ToArray<byte>();
        for (var column = 0; column < Columns; column++)
        {
            for (var row = 0; row < Rows; row++)
            {
                var block = ((column * blocks) + (row / 32)) * format.BlockBytes;
                var code = bits == 8 ? codes[block + (row % 32)] : (codes[block + (row % 32 / 2)] >> (row % 2 * 4)) & 15;
                var parameters = (row / 32 * Columns) + column;
                Assert.AreEqual((code - grid.ZeroPoints[parameters]) * grid.Scales[parameters], rounded[(row * Columns) + column]);
            }
        }
    }

    [TestMethod]
    public void Scales_of_blocks_are_rounded_to_float16_where_they_are_stored_so()
    {
        var grid = new BlockGrid(Rows, Columns, new BlockFormat(4, 32, IsSymmetric: true), halfScales: true);
        grid.FindAll(_weights, Columns);
        Assert.IsTrue(grid.Scales.All(scale => scale == (float)(Half)scale));
        Assert.AreNotEqual(0, grid.Scales[0]);
    }

    [TestMethod]
    public void Columns_have_the_scales_and_codes_of_the_integer_schemes()
    {
        var range = IntegerRange.Signed(reduced: false);
        var stored = Int8Matrix.Analyze(new WeightMatrix(Tensor.Floats([Rows, Columns], _weights), false), range, perColumn: true, 1, default);
        var grid = new ColumnGrid(Rows, Columns, range);
        var rounded = grid.RoundToNearest(_weights, Columns);
        CollectionAssert.AreEqual(stored.Scale.ToArray<float>(), grid.Scales);
        var integers = stored.Integers().ToArray<sbyte>();
        CollectionAssert.AreEqual(integers.Select((q, i) => q * grid.Scales[i % Columns]).ToArray(), rounded);
    }

    [TestMethod]
    public void Columns_can_have_zero_points()
    {
        // Micro-oracle 10: -1, 0, 0.3, 2 is 0, 85, 111, 255.
        var grid = new ColumnGrid(4, 1, IntegerRange.Unsigned(reduced: false));
        float[] weights = [-1, 0, 0.3f, 2];
        Matrices.AreClose([-1, 0, 0.305882, 2], Matrices.Doubles(grid.RoundToNearest(weights, 1)), 1e-6);
        Assert.AreEqual(85, grid.ZeroPoints[0]);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Rounding_twice_changes_nothing_more(bool blocks)
    {
        IWeightGrid grid = blocks ? new BlockGrid(Rows, Columns, new BlockFormat(4, 16, IsSymmetric: false), false) : new ColumnGrid(Rows, Columns, IntegerRange.Signed(true));
        var once = grid.RoundToNearest(_weights, Columns);
        CollectionAssert.AreEqual(once, grid.RoundAll(once, Columns));
        CollectionAssert.AreNotEqual(_weights, once);
    }
}
