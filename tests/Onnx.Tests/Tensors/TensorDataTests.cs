using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Tests.Tensors;

[TestClass]
public sealed class TensorDataTests
{
    private static readonly byte[] s_bytes = [.. Enumerable.Range(0, 3_000_000).Select(index => (byte)(index * 7 >> 3))];

    [TestMethod]
    public void Every_kind_of_data_reads_parts_views_and_streams_the_same_bytes()
    {
        using var folder = new TempFolder();
        var path = folder.File("data.bin");
        File.WriteAllBytes(path, [1, 2, 3, .. s_bytes, 4]);
        using var file = MappedFile.Open(path);
        var memory = new MemoryData(s_bytes);
        var inverted = new MemoryData(Array.ConvertAll(s_bytes, value => (byte)~value));
        (string Name, TensorData Data)[] all =
        [
            ("memory", memory),
            ("file", new FileData(file, 3, s_bytes.Length)),
            ("computed", new ComputedData(s_bytes.Length, destination => s_bytes.CopyTo(destination))),
            ("chunked", new ChunkedData(inverted, 1, 1, (_, input, output) => Invert(input, output))),
            ("chunked by 3", new ChunkedData(inverted, 3, 3, (_, input, output) => Invert(input, output))),
            ("chunked of chunked", new ChunkedData(new ChunkedData(memory, 4, 4, (_, input, output) => Invert(input, output)), 2, 2, (_, input, output) => Invert(input, output))),
        ];
        foreach (var (name, data) in all)
        {
            Assert.AreEqual(s_bytes.Length, data.Length, name);
            foreach (var (offset, count) in new[] { (0, 0), (0, 1), (1, 5), (7, 1 << 20), (1_048_575, 3), (2_999_999, 1), (3_000_000, 0), (0, 3_000_000) })
            {
                var part = new byte[count];
                data.Read(offset, part);
                Assert.IsTrue(part.AsSpan().SequenceEqual(s_bytes.AsSpan(offset, count)), $"{name} {offset} {count}");
            }

            using var view = data.View();
            Assert.IsTrue(view.Span.SequenceEqual(s_bytes), name);
            Assert.IsTrue(view.Slice(2_000_001, 999_999).SequenceEqual(s_bytes.AsSpan(2_000_001)), name);
            using var stream = new MemoryStream();
            data.CopyTo(stream);
            Assert.IsTrue(stream.ToArray().AsSpan().SequenceEqual(s_bytes), name);

            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => data.Read(s_bytes.Length, new byte[1]), name);
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => data.Read(-1, new byte[1]), name);
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => data.Read(long.MaxValue, new byte[1]), name);
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => view.Slice(s_bytes.Length - 1, 2), name);
        }
    }

    [TestMethod]
    public void Chunked_data_changes_the_element_size_and_knows_the_index()
    {
        var data = new ChunkedData(new MemoryData(new byte[2_500_000 * 2]), 2, 8, (first, input, output) =>
        {
            for (var index = 0; index < input.Length / 2; index++)
            {
                BitConverter.TryWriteBytes(output[(index * 8)..], first + index);
            }
        });

        var numbers = new Tensor(DataType.Int64, [2_500_000], data).ToInt64s();

        Assert.IsTrue(numbers.AsSpan().SequenceEqual([.. Enumerable.Range(0, 2_500_000).Select(index => (long)index)]));
        Assert.ThrowsExactly<ArgumentException>(() => new ChunkedData(new MemoryData(new byte[3]), 2, 2, (_, _, _) => { }));
    }

    [TestMethod]
    public void A_view_outlives_its_file_and_a_disposed_view_says_so()
    {
        using var folder = new TempFolder();
        var path = folder.File("data.bin");
        File.WriteAllBytes(path, s_bytes);
        var file = MappedFile.Open(path);
        var data = new FileData(file, 0, s_bytes.Length);
        TensorView mapped = data.View(), computed = new ComputedData(8, destination => destination.Fill(5)).View();

        file.Dispose();
        Assert.IsTrue(mapped.Span.SequenceEqual(s_bytes));
        Assert.AreEqual(5, computed.Span[7]);
        mapped.Dispose();
        computed.Dispose();
        mapped.Dispose();
        computed.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => mapped.Slice(0, 1));
        Assert.ThrowsExactly<ObjectDisposedException>(() => computed.Slice(0, 1));
        Assert.ThrowsExactly<ObjectDisposedException>(() => data.Read(0, new byte[1]));
    }

    [TestMethod]
    public void A_file_that_became_shorter_is_reported()
    {
        using var folder = new TempFolder();
        var path = folder.File("data.bin");
        File.WriteAllBytes(path, s_bytes);
        using var file = MappedFile.Open(path);
        using (var other = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
        {
            other.SetLength(1000);
        }

        var data = new FileData(file, 0, s_bytes.Length);

        var read = Assert.ThrowsExactly<CompressToolException>(() => data.Read(0, new byte[2000]));
        var view = Assert.ThrowsExactly<CompressToolException>(data.View);
        Assert.AreEqual((OnnxErrors.ReadFailed, OnnxErrors.ReadFailed), (read.Code, view.Code));
        StringAssert.Contains(read.Message, path);
    }

    [TestMethod]
    public void An_error_while_computing_reaches_the_caller()
    {
        var computed = new ComputedData(10, _ => throw new InvalidDataException("no"));
        var chunked = new ChunkedData(new MemoryData(new byte[10]), 1, 1, (_, _, _) => throw new InvalidDataException("no"));

        Assert.ThrowsExactly<InvalidDataException>(computed.View);
        Assert.ThrowsExactly<InvalidDataException>(chunked.View);
        Assert.ThrowsExactly<InvalidDataException>(() => computed.CopyTo(Stream.Null));
        Assert.ThrowsExactly<InvalidDataException>(() => chunked.CopyTo(Stream.Null));
    }

    [TestMethod]
    public void Streaming_stops_when_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        var chunks = 0;
        var data = new ChunkedData(new MemoryData(s_bytes), 1, 1, (_, input, output) =>
        {
            input.CopyTo(output);
            chunks++;
            cancel.Cancel();
        });

        Assert.ThrowsExactly<OperationCanceledException>(() => data.CopyTo(Stream.Null, cancel.Token));
        Assert.AreEqual(1, chunks);
    }

    private static void Invert(ReadOnlySpan<byte> input, Span<byte> output)
    {
        for (var index = 0; index < input.Length; index++)
        {
            output[index] = (byte)~input[index];
        }
    }
}
