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

    /// <summary>Rows transposed in one go.</summary>
    private const int Rows = 64;

    /// <summary>Does something with a row of a part.</summary>
    /// <param name="row">The row.</param>
    /// <param name="weights">The weights of the part's columns.</param>
    public delegate void RowAction(int row, ReadOnlySpan<float> weights);

    /// <summary>Length of the inner dimension: input channels.</summary>
    public int K => checked((int)Tensor.Dims[IsTransposed ? 1 : 0]);

    /// <summary>Number of columns: output channels.</summary>
    public int N => checked((int)Tensor.Dims[IsTransposed ? 0 : 1]);

    /// <summary>Hands over a part row by row; of a float32 matrix only.</summary>
    /// <param name="view">The bytes of <see cref="Tensor"/>.</param>
    /// <param name="part">The part; at most <see cref="MatrixPart.TileColumns"/> wide when the matrix is stored transposed.</param>
    /// <param name="action">Receives the rows.</param>
    public void ForEachRow(TensorView view, MatrixPart part, RowAction action)
    {
        if (!IsTransposed)
        {
            for (var row = part.FirstRow; row < part.FirstRow + part.Rows; row++)
            {
                action(row, MemoryMarshal.Cast<byte, float>(view.Slice((((long)row * N) + part.FirstColumn) * sizeof(float), part.Columns * sizeof(float))));
            }

            return;
        }

        // The stored matrix is [N, K]: its columns are our rows.
        var stored = new WeightMatrix(Tensor, false);
        Span<float> buffer = stackalloc float[Rows * part.Columns];
        for (var first = part.FirstRow; first < part.FirstRow + part.Rows; first += Rows)
        {
            var rows = Math.Min(Rows, part.FirstRow + part.Rows - first);
            stored.GatherColumns(view, first, rows, part.FirstColumn, part.Columns, buffer, part.Columns);
            for (var row = 0; row < rows; row++)
            {
                action(first + row, buffer.Slice(row * part.Columns, part.Columns));
            }
        }
    }

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
    public void GatherColumns(TensorView view, int n, int columns, int k, int rows, Span<float> buffer, int stride)
    {
        if (Tensor.Type == DataType.Float)
        {
            GatherColumns<float>(view, n, columns, k, rows, buffer, stride);
        }
        else
        {
            GatherColumns<Half>(view, n, columns, k, rows, buffer, stride);
        }
    }

    /// <summary>Some columns, [K, columns]; of a float32 matrix only.</summary>
    /// <param name="view">The bytes of <see cref="Tensor"/>.</param>
    /// <param name="n">First column.</param>
    /// <param name="columns">Number of columns.</param>
    public float[] ReadColumns(TensorView view, int n, int columns)
    {
        var result = new float[checked(K * columns)];
        for (var tile = 0; tile < columns; tile += MatrixPart.TileColumns)
        {
            var start = tile;
            var part = new MatrixPart(0, 0, K, n + tile, Math.Min(MatrixPart.TileColumns, columns - tile));
            ForEachRow(view, part, (row, weights) => weights.CopyTo(result.AsSpan((row * columns) + start)));
        }

        return result;
    }

    private void GatherColumns<T>(TensorView view, int n, int columns, int k, int rows, Span<float> buffer, int stride)
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
