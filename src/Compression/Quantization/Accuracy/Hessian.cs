using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// The Hessian of a layer's squared output error with respect to the weights of one output: H = 2/n Σ x xᵀ over the n rows x
/// of the layer's input, [K, K]. The error that a change d of these weights causes is dᵀ H d / 2 per row.
/// </summary>
/// <remarks>Memory is 8 K² bytes and a block of rows, however many rows come. Products are summed in float32 over
/// <see cref="MatrixProduct{T}.Depth"/> rows, these sums in float64.</remarks>
internal sealed class Hessian
{
    private readonly int _threads;
    private readonly float[] _rows;
    private double[]? _sum;
    private int _filled;

    /// <summary>Starts with no rows.</summary>
    /// <param name="size">K: input channels, or input channels of a group times taps for a convolution.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    public Hessian(int size, int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        Size = size;
        _threads = threads;
        _sum = new double[checked(size * size)];
        _rows = new float[size * MatrixProduct<float>.Depth];
    }

    /// <summary>K.</summary>
    public int Size { get; }

    /// <summary>Rows so far.</summary>
    public long Rows { get; private set; }

    /// <summary>Adds rows of the layer's input.</summary>
    /// <param name="rows">[rows, K].</param>
    /// <exception cref="ArgumentException">There is a part of a row.</exception>
    public void Add(ReadOnlySpan<float> rows)
    {
        ObjectDisposedException.ThrowIf(_sum is null, this);
        if (rows.Length % Size != 0)
        {
            throw new ArgumentException($"{rows.Length} elements are not rows of {Size}.", nameof(rows));
        }

        Rows += rows.Length / Size;
        while (!rows.IsEmpty)
        {
            var count = Math.Min(rows.Length, _rows.Length - _filled);
            rows[..count].CopyTo(_rows.AsSpan(_filled));
            _filled += count;
            rows = rows[count..];
            if (_filled == _rows.Length)
            {
                Flush(_sum);
            }
        }
    }

    /// <summary>Hands over H, row by row, both triangles. No rows can be added any more.</summary>
    /// <exception cref="InvalidOperationException">There were no rows.</exception>
    public double[] Complete()
    {
        ObjectDisposedException.ThrowIf(_sum is null, this);
        if (Rows == 0)
        {
            throw new InvalidOperationException("A Hessian of no rows.");
        }

        var sum = _sum;
        Flush(sum);
        _sum = null;
        Symmetrize(sum, 2.0 / Rows);
        return sum;
    }

    private void Flush(double[] sum)
    {
        MatrixProduct<float>.Add(
            Size, Size, _filled / Size, Operand<float>.Columns(_rows, Size), Operand<float>.Rows(_rows, Size), Operand<double>.Rows(sum, Size), 1, isUpper: true, _threads);
        _filled = 0;
    }

    /// <summary>Scales the upper triangle and copies it to the lower one, tile by tile for the cache's sake.</summary>
    private void Symmetrize(double[] sum, double factor)
    {
        const int Tile = 32;
        var tiles = (Size + Tile - 1) / Tile;
        ParallelWork.For(tiles, _threads, down =>
        {
            for (var across = down; across < tiles; across++)
            {
                for (var i = down * Tile; i < Math.Min(Size, (down + 1) * Tile); i++)
                {
                    for (var j = Math.Max(i, across * Tile); j < Math.Min(Size, (across + 1) * Tile); j++)
                    {
                        var value = sum[(i * Size) + j] * factor;
                        sum[(i * Size) + j] = value;
                        sum[(j * Size) + i] = value;
                    }
                }
            }
        });
    }
}
