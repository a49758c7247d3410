namespace CompressTool.Onnx;

/// <summary>Arrays stored with the first index running fastest.</summary>
internal static class FortranOrder
{
    /// <summary>The elements with the last index running fastest.</summary>
    /// <param name="data">The elements, first index fastest.</param>
    /// <param name="shape">The dimensions.</param>
    /// <param name="size">Bytes of an element.</param>
    /// <exception cref="NotSupportedException">More than 2 GiB.</exception>
    public static MemoryData ToC(TensorData data, IReadOnlyList<long> shape, int size)
    {
        if (data.Length > Array.MaxLength)
        {
            throw new NotSupportedException("an array of more than 2 GiB in Fortran order; save it with numpy.ascontiguousarray");
        }

        using var view = data.View();
        var source = view.Span;
        var target = new byte[data.Length];

        // Walks the target in order; the source position follows the indices.
        var index = new long[shape.Count];
        var strides = new long[shape.Count];
        long stride = size;
        for (var axis = 0; axis < shape.Count; axis++)
        {
            strides[axis] = stride;
            stride *= shape[axis];
        }

        long position = 0;
        for (var start = 0; start < target.Length; start += size)
        {
            source.Slice((int)position, size).CopyTo(target.AsSpan(start));
            for (var axis = shape.Count - 1; axis >= 0; axis--)
            {
                position += strides[axis];
                if (++index[axis] < shape[axis])
                {
                    break;
                }

                position -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }

        return new MemoryData(target);
    }
}
