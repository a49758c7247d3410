using CompressTool.Compression.Pruning.Removal;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Pruning.Removal;

/// <summary>Parts of tensors, read whole and in pieces of any length.</summary>
[TestClass]
public sealed class SlicedDataTests
{
    public static IEnumerable<object?[]> Cuts =>
    [
        [new int[]?[] { null, [1, 2, 4], null }],
        [new int[]?[] { [0, 2], null, null }],
        [new int[]?[] { null, null, [0, 3, 4, 6] }],
        [new int[]?[] { [2, 0], [4, 3, 1], [6, 0] }],
        [new int[]?[] { [1], null, [5] }],
        [new int[]?[] { null, null, null }],
    ];

    [TestMethod]
    [DynamicData(nameof(Cuts))]
    public void Every_piece_is_the_same_piece_of_the_whole(int[]?[] kept)
    {
        long[] dims = [3, 5, 7];
        var floats = Tensor.Floats(dims, [.. Enumerable.Range(0, 105).Select(number => (float)number)]);
        Tensor[] sources =
        [
            floats,
            Tensor.Create<long>(DataType.Int64, dims, [.. Enumerable.Range(0, 105).Select(number => (long)number)]),
            new Tensor(DataType.Float, dims, new ChunkedData(floats.Data, 4, 4, (_, input, output) => input.CopyTo(output))),
            new Tensor(DataType.Float, dims, new ComputedData(420, destination => floats.Data.Read(0, destination))),
            SlicedData.Of(floats, [null, null, null]),
        ];
        foreach (var source in sources)
        {
            var part = SlicedData.Of(source, kept);
            var expected = from a in kept[0] ?? [0, 1, 2] from b in kept[1] ?? [0, 1, 2, 3, 4] from c in kept[2] ?? [0, 1, 2, 3, 4, 5, 6] select (double)((((a * 5) + b) * 7) + c);
            CollectionAssert.AreEqual(expected.ToArray(), (part.Type == DataType.Float ? part.ToArray<float>().Select(number => (double)number) : part.ToArray<long>().Select(number => (double)number)).ToArray());

            using var view = part.Data.View();
            foreach (var length in new[] { 1, 3, 4, 8, 12, 20, 28, 36, 100 })
            {
                for (var offset = 0; offset + length <= part.ByteLength; offset += length % 4 == 0 ? 4 : 5)
                {
                    var piece = new byte[length];
                    part.Data.Read(offset, piece);
                    Assert.AreSequenceEqual(view.Slice(offset, length).ToArray(), piece, $"{length} bytes from {offset}");
                }
            }
        }
    }
}
