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
        return new Tensor(source.Type, dims, new ComputedData(length, destination =>
        {
            using var view = source.Data.View();
            Copy(view, [.. source.Dims], kept, size, destination);
        }))
        { Name = source.Name, DocString = source.DocString, Metadata = source.Metadata };
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

    private static void Copy(TensorView view, long[] dims, int[]?[] kept, int size, Span<byte> destination)
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
            view.Slice(0, destination.Length).CopyTo(destination);
            return;
        }

        var strides = new long[last + 1];
        strides[last] = block;
        for (var axis = last; axis > 0; axis--)
        {
            strides[axis - 1] = strides[axis] * dims[axis];
        }

        var indices = kept[last]!;
        var outer = 1L;
        for (var axis = 0; axis < last; axis++)
        {
            outer *= kept[axis]?.Length ?? dims[axis];
        }

        var counters = new long[last + 1];
        var target = 0;
        for (var row = 0L; row < outer; row++)
        {
            long start = 0;
            for (var axis = 0; axis < last; axis++)
            {
                start += (kept[axis] is { } some ? some[counters[axis]] : counters[axis]) * strides[axis];
            }

            var source = view.Slice(start, checked((int)(dims[last] * block)));
            target = CopyRow(source, indices, (int)block, destination, target);
            for (var axis = last - 1; axis >= 0 && ++counters[axis] == (kept[axis]?.Length ?? dims[axis]); axis--)
            {
                counters[axis] = 0;
            }
        }
    }

    private static int CopyRow(ReadOnlySpan<byte> source, int[] indices, int block, Span<byte> destination, int target)
    {
        if (block == sizeof(float))
        {
            var from = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(source);
            var to = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(destination[target..]);
            for (var index = 0; index < indices.Length; index++)
            {
                to[index] = from[indices[index]];
            }

            return target + (indices.Length * block);
        }

        for (var index = 0; index < indices.Length; index++)
        {
            // Neighbours go in one piece.
            var count = 1;
            while (index + count < indices.Length && indices[index + count] == indices[index] + count)
            {
                count++;
            }

            source.Slice(indices[index] * block, count * block).CopyTo(destination[target..]);
            target += count * block;
            index += count - 1;
        }

        return target;
    }
}
