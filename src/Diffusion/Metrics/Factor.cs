namespace CompressTool.Diffusion.Metrics;

/// <summary>
/// A covariance S as F Fᵀ: Cholesky's factorization with the largest remaining pivot first, which ends at the rank of S, so
/// that covariances of fewer images than features have a factor too.
/// </summary>
internal sealed class Factor
{
    private readonly double[] _rows;
    private readonly int _size;

    private Factor(double[] rows, int size, int rank, double trace) => (_rows, _size, Rank, Trace) = (rows, size, rank, trace);

    /// <summary>Columns of F.</summary>
    public int Rank { get; }

    /// <summary>The trace of S.</summary>
    public double Trace { get; }

    /// <summary>The factor of a positive semidefinite matrix, row by row.</summary>
    public static Factor Of(double[] matrix)
    {
        var size = (int)Math.Sqrt(matrix.Length);
        var rows = new double[matrix.Length];
        var rest = new double[size];
        for (var i = 0; i < size; i++)
        {
            rest[i] = matrix[(i * size) + i];
        }

        var (trace, largest, rank) = (rest.Sum(), rest.Max(), 0);
        for (; rank < size; rank++)
        {
            var pivot = Array.IndexOf(rest, rest.Max());

            // What is left is rounding: of the sums that made the matrix, and of this factorization.
            if (!(rest[pivot] > largest * size * 1e-15))
            {
                break;
            }

            var (column, root) = (rank, Math.Sqrt(rest[pivot]));
            Loops.For(size, column, i =>
            {
                if (rest[i] > 0 || i == pivot)
                {
                    var known = DoubleVectors.Dot(rows.AsSpan(i * size, column), rows.AsSpan(pivot * size, column));
                    rows[(i * size) + column] = i == pivot ? root : (matrix[(i * size) + pivot] - known) / root;
                }
            });
            for (var i = 0; i < size; i++)
            {
                rest[i] = i == pivot || rest[i] <= 0 ? 0 : Math.Max(0, rest[i] - (rows[(i * size) + column] * rows[(i * size) + column]));
            }
        }

        return new Factor(rows, size, rank, trace);
    }

    /// <summary>F1ᵀ F2, row by row: <see cref="Rank"/> x the other's rank.</summary>
    public double[] TransposedTimes(Factor other)
    {
        const int Block = 8;
        var result = new double[Rank * other.Rank];
        Loops.For((Rank + Block - 1) / Block, (long)Block * _size * other.Rank, block =>
        {
            var last = Math.Min(Rank, (block + 1) * Block);
            for (var row = 0; row < _size; row++)
            {
                var factors = other._rows.AsSpan(row * _size, other.Rank);
                for (var i = block * Block; i < last; i++)
                {
                    DoubleVectors.AddScaled(_rows[(row * _size) + i], factors, result.AsSpan(i * other.Rank, other.Rank));
                }
            }
        });
        return result;
    }
}
