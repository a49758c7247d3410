using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Removal;

/// <summary>Makes tensors of some indices of others; the bytes are copied when they are wanted.</summary>
internal static class SlicedData
{
    /// <summary>The part of a tensor at some indices of its axes.</summary>
    /// <param name="source">The tensor.</param>
    /// <param name="kept">For each axis the indices that stay, in order; null for all.</param>
    public static Tensor Of(Tensor source, int[]?[] kept)
    {
        var size = source.Type.BitSize() / 8;
        if (size == 0)
        {
            throw new NotSupportedException($"Channels of {source} cannot be cut: its elements are smaller than a byte.");
        }

        long[] dims = [.. source.Dims.Select((dim, axis) => kept[axis]?.Length ?? dim)];
        var length = dims.Aggregate((long)size, (product, dim) => product * dim);
        return new Tensor(source.Type, dims, source.Data is ComputedData ? new ComputedData(length, destination => Fill(0, destination)) : new PiecewiseData(length, Fill))
        {
            Name = source.Name,
            DocString = source.DocString,
            Metadata = source.Metadata,
        };

        void Fill(long offset, Span<byte> destination)
        {
            using var whole = new Whole(source.Data);
            Copy(whole, [.. source.Dims], kept, size, offset, destination);
        }
    }

    /// <summary>The part of the weight of a grouped convolution [outputs, inputs of a group, ...]: each group keeps inputs of its own.</summary>
    /// <param name="source">The weight.</param>
    /// <param name="rows">The outputs that stay.</param>
    /// <param name="columns">For each group, its inputs that stay, all as many.</param>
    public static Tensor Grouped(Tensor source, int[] rows, int[][] columns)
    {
        var size = source.Type.BitSize() / 8;
        var inner = (int)source.Dims.Skip(2).Aggregate((long)size, (product, dim) => product * dim);
        var each = (int)source.Dims[0] / columns.Length;
        long[] dims = [rows.Length, columns[0].Length, .. source.Dims.Skip(2)];
        return new Tensor(source.Type, dims, new ComputedData((long)rows.Length * columns[0].Length * inner, destination =>
        {
            using var view = source.Data.View();
            var target = 0;
            foreach (var row in rows)
            {
                foreach (var column in columns[row / each])
                {
                    view.Slice(((row * source.Dims[1]) + column) * inner, inner).CopyTo(destination[target..]);
                    target += inner;
                }
            }
        }))
        { Name = source.Name, DocString = source.DocString, Metadata = source.Metadata };
    }

    /// <summary>Copies a piece of the part.</summary>
    /// <param name="whole">The whole.</param>
    /// <param name="dims">Its dimensions.</param>
    /// <param name="kept">For each axis the indices that stay; null for all.</param>
    /// <param name="size">Bytes of an element.</param>
    /// <param name="offset">Where in the part the piece starts.</param>
    /// <param name="destination">Takes the piece.</param>
    private static void Copy(Whole whole, long[] dims, int[]?[] kept, int size, long offset, Span<byte> destination)
    {
        // The last axes that stay whole are copied in one piece.
        var last = kept.Length - 1;
        long block = size;
        while (last >= 0 && kept[last] is null)
        {
            block *= dims[last--];
        }

        if (last < 0)
        {
            whole.Copy(offset, destination);
            return;
        }

        var (indices, length) = (kept[last]!, kept[last]!.Length * block);
        while (!destination.IsEmpty)
        {
            var (row, from) = (offset / length, offset % length);
            var count = (int)Math.Min(length - from, destination.Length);
            CopyRow(whole, StartOf(row, dims, kept, last) * block, dims[last], indices, block, from, destination[..count]);
            destination = destination[count..];
            offset += count;
        }
    }

    /// <summary>Where a row starts in the whole, in blocks.</summary>
    private static long StartOf(long row, long[] dims, int[]?[] kept, int last)
    {
        var (start, stride) = (0L, dims[last]);
        for (var axis = last - 1; axis >= 0; axis--)
        {
            var length = kept[axis]?.Length ?? dims[axis];
            var index = row % length;
            row /= length;
            start += (kept[axis] is { } some ? some[index] : index) * stride;
            stride *= dims[axis];
        }

        return start;
    }

    private static void CopyRow(Whole whole, long start, long rowLength, int[] indices, long block, long from, Span<byte> destination)
    {
        var (index, skip) = ((int)(from / block), from % block);
        if (block == sizeof(float) && skip == 0 && destination.Length % sizeof(float) == 0)
        {
            var numbers = MemoryMarshal.Cast<byte, float>(destination);
            var wanted = indices.AsSpan(index, numbers.Length);
            var source = MemoryMarshal.Cast<byte, float>(whole.Row(start, checked((int)(rowLength * sizeof(float)))));
            for (var place = 0; place < numbers.Length; place++)
            {
                numbers[place] = source[wanted[place]];
            }

            return;
        }

        while (!destination.IsEmpty)
        {
            // Neighbours go in one piece.
            var count = 1;
            while (index + count < indices.Length && indices[index + count] == indices[index] + count && (count * block) - skip < destination.Length)
            {
                count++;
            }

            var bytes = (int)Math.Min((count * block) - skip, destination.Length);
            whole.Copy(start + (indices[index] * block) + skip, destination[..bytes]);
            destination = destination[bytes..];
            index += count;
            skip = 0;
        }
    }

    /// <summary>Reads the whole: what is in memory or a file where it is, what is computed by pieces only as far as it is wanted.</summary>
    /// <param name="data">The bytes.</param>
    private sealed class Whole(TensorData data) : IDisposable
    {
        private readonly TensorView? _view = data is FileData or MemoryData or ComputedData ? data.View() : null;
        private byte[] _row = [];

        public void Copy(long offset, Span<byte> destination)
        {
            if (_view is null)
            {
                data.Read(offset, destination);
            }
            else
            {
                _view.Slice(offset, destination.Length).CopyTo(destination);
            }
        }

        public ReadOnlySpan<byte> Row(long offset, int length)
        {
            if (_view is not null)
            {
                return _view.Slice(offset, length);
            }

            _row = _row.Length < length ? new byte[length] : _row;
            data.Read(offset, _row.AsSpan(0, length));
            return _row.AsSpan(0, length);
        }

        public void Dispose() => _view?.Dispose();
    }
}
