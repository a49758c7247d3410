using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization;

/// <summary>
/// A weight matrix W of a product A·W, [K, N], however it is stored: as [K, N] (MatMul) or as [N, K] (a linear layer's
/// weight behind Gemm transB or a Transpose), in float32 or float16.
/// </summary>
/// <param name="Tensor">The stored tensor, of rank 2.</param>
/// <param name="IsTransposed">True when it is stored as [N, K].</param>
internal sealed record WeightMatrix(Tensor Tensor, bool IsTransposed)
{
    /// <summary>What to add to the distance of gathered columns, so that they do not all compete for the same lines of the cache.</summary>
    public const int Padding = 16;

    /// <summary>Length of the inner dimension: input channels.</summary>
    public int K => checked((int)Tensor.Dims[IsTransposed ? 1 : 0]);

    /// <summary>Number of columns: output channels.</summary>
    public int N => checked((int)Tensor.Dims[IsTransposed ? 0 : 1]);

    /// <summary>
    /// Copies rows <paramref name="k"/>.. of columns <paramref name="n"/>.. to a buffer, column by column, as float32.
    /// </summary>
    /// <param name="view">The bytes of <see cref="Tensor"/>.</param>
    /// <param name="n">First column.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="k">First row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="buffer">Receives them: column j starts at j * <paramref name="stride"/>.</param>
    /// <param name="stride">Elements from one column to the next.</param>
    public void Gather(TensorView view, int n, int columns, int k, int rows, Span<float> buffer, int stride)
    {
        if (Tensor.Type == DataType.Float)
        {
            Gather<float>(view, n, columns, k, rows, buffer, stride);
        }
        else
        {
            Gather<Half>(view, n, columns, k, rows, buffer, stride);
        }
    }

    private void Gather<T>(TensorView view, int n, int columns, int k, int rows, Span<float> buffer, int stride)
        where T : unmanaged
    {
        if (IsTransposed)
        {
            for (var column = 0; column < columns; column++)
            {
                Widen(Elements<T>(view, ((long)(n + column) * K) + k, rows), buffer.Slice(column * stride, rows));
            }

            return;
        }

        Span<float> line = stackalloc float[columns];
        _ = buffer[((columns - 1) * stride) + rows - 1];
        ref var corner = ref MemoryMarshal.GetReference(buffer);
        for (var row = 0; row < rows; row++)
        {
            Widen(Elements<T>(view, ((long)(k + row) * N) + n, columns), line);
            ref var place = ref Unsafe.Add(ref corner, row);
            foreach (var element in line)
            {
                place = element;
                place = ref Unsafe.Add(ref place, stride);
            }
        }
    }

    private static ReadOnlySpan<T> Elements<T>(TensorView view, long first, int count)
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        return MemoryMarshal.Cast<byte, T>(view.Slice(first * size, count * size));
    }

    private static void Widen<T>(ReadOnlySpan<T> from, Span<float> to)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            MemoryMarshal.Cast<T, float>(from).CopyTo(to);
            return;
        }

        var halves = MemoryMarshal.Cast<T, Half>(from);
        for (var index = 0; index < halves.Length; index++)
        {
            to[index] = (float)halves[index];
        }
    }
}
