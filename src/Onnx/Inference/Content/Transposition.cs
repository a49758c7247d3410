using System.Runtime.InteropServices;

namespace CompressTool.Onnx.Inference.Content;

/// <summary>Transposes large constants when they are read.</summary>
internal static class Transposition
{
    /// <summary>A tensor with its axes in another order; its bytes are computed on every reading.</summary>
    public static Tensor Of(Tensor source, int[] perm)
    {
        long[] from = [.. source.Dims];
        long[] to = [.. perm.Select(axis => from[axis])];
        var size = source.Type.BitSize() / 8;
        return new Tensor(source.Type, to, new ComputedData(source.Data.Length, destination =>
        {
            using var view = source.Data.View();
            var strides = Strides.Of(from);
            var order = perm.Select(axis => strides[axis]).ToArray();
            switch (size)
            {
                case 1:
                    Copy(view.Span, destination, to, order);
                    break;
                case 2:
                    Copy(MemoryMarshal.Cast<byte, ushort>(view.Span), MemoryMarshal.Cast<byte, ushort>(destination), to, order);
                    break;
                case 4:
                    Copy(MemoryMarshal.Cast<byte, uint>(view.Span), MemoryMarshal.Cast<byte, uint>(destination), to, order);
                    break;
                case 8:
                    Copy(MemoryMarshal.Cast<byte, ulong>(view.Span), MemoryMarshal.Cast<byte, ulong>(destination), to, order);
                    break;
                default:
                    Copy(MemoryMarshal.Cast<byte, UInt128>(view.Span), MemoryMarshal.Cast<byte, UInt128>(destination), to, order);
                    break;
            }
        }));
    }

    private static void Copy<T>(ReadOnlySpan<T> source, Span<T> destination, long[] dims, int[] strides)
    {
        // A matrix in squares: both sides stay in the cache.
        const int square = 64;
        if (dims.Length == 2)
        {
            var (rows, columns) = ((int)dims[0], (int)dims[1]);
            for (var top = 0; top < rows; top += square)
            {
                for (var left = 0; left < columns; left += square)
                {
                    for (var row = top; row < Math.Min(top + square, rows); row++)
                    {
                        for (var column = left; column < Math.Min(left + square, columns); column++)
                        {
                            destination[(row * columns) + column] = source[(row * strides[0]) + (column * strides[1])];
                        }
                    }
                }
            }

            return;
        }

        var index = new long[dims.Length];
        var from = 0;
        for (var position = 0; position < destination.Length; position++)
        {
            destination[position] = source[from];
            for (var axis = dims.Length - 1; axis >= 0; axis--)
            {
                from += strides[axis];
                if (++index[axis] < dims[axis])
                {
                    break;
                }

                from -= strides[axis] * (int)dims[axis];
                index[axis] = 0;
            }
        }
    }
}
