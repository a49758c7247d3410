using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Pruning.Criteria;

/// <summary>Sums over slices against loops that are too simple to be wrong.</summary>
[TestClass]
public sealed class SliceSumsTests
{
    private static readonly long[][] s_shapes = [[5], [1, 7], [64, 1, 3, 3], [37, 19], [200, 33, 3, 3], [3, 40_000], [130, 70, 2], [2, 3, 4, 5], [0, 4]];

    [TestMethod]
    [DataRow(false, false)]
    [DataRow(true, false)]
    [DataRow(false, true)]
    [DataRow(true, true)]
    public void Sums_are_those_of_plain_loops(bool kept, bool gradients)
    {
        foreach (var dims in s_shapes)
        {
            var random = new Random(dims.Length + (int)dims[^1]);
            var (weights, slopes) = (Numbers(random, dims), Numbers(random, dims));
            bool[]?[]? mask = kept ? [.. dims.Select((dim, axis) => axis == 1 && dims.Length > 2 ? null : Enumerable.Range(0, (int)dim).Select(_ => random.Next(3) > 0).ToArray())] : null;
            int[] axes = [.. Enumerable.Range(0, dims.Length)];

            var sums = gradients
                ? SliceSums.Of<AbsoluteProductTerm>(Tensor.Floats(dims, weights), Tensor.Floats(dims, slopes), axes, mask, default)
                : SliceSums.Of<SquareTerm>(Tensor.Floats(dims, weights), null, axes, mask, default);

            var expected = Plain(dims, mask, index => gradients ? Math.Abs((double)weights[index] * slopes[index]) : (double)weights[index] * weights[index]);
            foreach (var axis in axes)
            {
                AssertClose(expected[axis], sums[axis], 1e-12, $"[{string.Join(',', dims)}] axis {axis}");
            }
        }
    }

    [TestMethod]
    public void One_axis_gives_what_several_at_once_give()
    {
        long[] dims = [50, 21, 3];
        var tensor = Tensor.Floats(dims, Numbers(new Random(1), dims));

        var together = SliceSums.Of<AbsoluteTerm>(tensor, null, [2, 0, 1], null, default);

        CollectionAssert.AreEqual(SliceSums.Of<AbsoluteTerm>(tensor, null, [2], null, default)[0], together[0]);
        CollectionAssert.AreEqual(SliceSums.Of<AbsoluteTerm>(tensor, null, [0], null, default)[0], together[1]);
        CollectionAssert.AreEqual(SliceSums.Of<AbsoluteTerm>(tensor, null, [1], null, default)[0], together[2]);
    }

    [TestMethod]
    [DataRow(DataType.Float16)]
    [DataRow(DataType.BFloat16)]
    [DataRow(DataType.Double)]
    public void Other_types_count_like_float32(DataType type)
    {
        long[] dims = [40, 33];
        var weights = Numbers(new Random(2), dims);
        weights[0] = 6e-8f; // Subnormal in float16.
        weights[1] = 60000;
        weights[2] = 0;
        var tensor = type switch
        {
            DataType.Float16 => Tensor.Create<Half>(type, dims, Array.ConvertAll(weights, weight => (Half)weight)),
            DataType.BFloat16 => Tensor.Create<ushort>(type, dims, Array.ConvertAll(weights, weight => (ushort)(BitConverter.SingleToUInt32Bits(weight) >> 16))),
            _ => Tensor.Create<double>(type, dims, Array.ConvertAll(weights, weight => (double)weight)),
        };

        var sums = SliceSums.Of<AbsoluteTerm>(tensor, null, [0, 1], null, default);

        var expected = SliceSums.Of<AbsoluteTerm>(Tensor.Floats(dims, tensor.ToFloats()), null, [0, 1], null, default);
        CollectionAssert.AreEqual(expected[0], sums[0]);
        CollectionAssert.AreEqual(expected[1], sums[1]);
    }

    [TestMethod]
    public void What_is_cut_may_be_infinite()
    {
        var tensor = Tensor.Floats([2, 3], 1, float.PositiveInfinity, 2, float.NaN, 4, 5);

        var sums = SliceSums.Of<SquareTerm>(tensor, null, [0, 1], [[true, false], [true, false, true]], default);

        CollectionAssert.AreEqual(new double[] { 5, 0 }, sums[0]);
        CollectionAssert.AreEqual(new double[] { 1, 0, 4 }, sums[1]);
    }

    internal static void AssertClose(double[] expected, double[] actual, double tolerance, string message = "")
    {
        Assert.HasCount(expected.Length, actual, message);
        for (var index = 0; index < expected.Length; index++)
        {
            Assert.AreEqual(expected[index], actual[index], tolerance * Math.Max(1e-30, Math.Abs(expected[index])), $"{message} [{index}]");
        }
    }

    private static float[] Numbers(Random random, long[] dims) =>
        [.. Enumerable.Range(0, (int)dims.Aggregate(1L, (product, dim) => product * dim)).Select(_ => (float)((random.NextDouble() * 2) - 1))];

    private static double[][] Plain(long[] dims, bool[]?[]? kept, Func<int, double> term)
    {
        var result = dims.Select(dim => new double[dim]).ToArray();
        var count = (int)dims.Aggregate(1L, (product, dim) => product * dim);
        for (var index = 0; index < count; index++)
        {
            var place = new int[dims.Length];
            for (var (axis, rest) = (dims.Length - 1, index); axis >= 0; axis--)
            {
                (place[axis], rest) = (rest % (int)dims[axis], rest / (int)dims[axis]);
            }

            if (place.Select((at, axis) => kept?[axis]?[at] ?? true).All(isKept => isKept))
            {
                for (var axis = 0; axis < dims.Length; axis++)
                {
                    result[axis][place[axis]] += term(index);
                }
            }
        }

        return result;
    }
}
