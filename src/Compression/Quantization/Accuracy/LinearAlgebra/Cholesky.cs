namespace CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

/// <summary>Cholesky's factorization of symmetric positive definite matrices, in blocks.</summary>
internal static class Cholesky
{
    private const int Block = 128;

    /// <summary>Columns that a thread solves at once: a block of rows of them fits in the second cache.</summary>
    private const int Slab = 256;

    /// <summary>Makes the upper triangle of A the R of A = Rᵀ R.</summary>
    /// <param name="matrix">A row by row; only its upper triangle is read and overwritten.</param>
    /// <param name="size">Its rows.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels between blocks.</param>
    /// <returns>False when the matrix is not positive definite, in float64; it is then left half done.</returns>
    public static bool Factorize(double[] matrix, int size, int threads = 0, CancellationToken cancellationToken = default)
    {
        for (var start = 0; start < size; start += Block)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (count, end) = (Math.Min(Block, size - start), Math.Min(start + Block, size));

            // What the rows above leave of this block of rows.
            MatrixProduct<double>.Add(
                count, size - start, start, Operand<double>.Columns(matrix, size, start), Operand<double>.Rows(matrix, size, start),
                Operand<double>.Rows(matrix, size, (start * size) + start), -1, isUpper: true, threads);
            if (!FactorizeDiagonal(matrix, size, start, end))
            {
                return false;
            }

            var rest = size - end;
            ParallelWork.For((rest + Slab - 1) / Slab, threads, slab =>
                Solve(matrix, size, start, end, end + (slab * Slab), Math.Min(Slab, rest - (slab * Slab))), cancellationToken);
        }

        return true;
    }

    private static bool FactorizeDiagonal(double[] matrix, int size, int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            var line = matrix.AsSpan((row * size) + row, end - row);
            if (!(line[0] > 0 && double.IsFinite(line[0])))
            {
                return false;
            }

            DoubleRows.Scale(line, 1 / Math.Sqrt(line[0]));
            for (var below = row + 1; below < end; below++)
            {
                DoubleRows.AddScaled(-line[below - row], line[(below - row)..], matrix.AsSpan((below * size) + below, end - below));
            }
        }

        return true;
    }

    /// <summary>The rows of R to the right of the diagonal block: forward substitution with its transposed.</summary>
    private static void Solve(double[] matrix, int size, int start, int end, int column, int columns)
    {
        for (var row = start; row < end; row++)
        {
            var line = matrix.AsSpan((row * size) + column, columns);
            for (var above = start; above < row; above++)
            {
                DoubleRows.AddScaled(-matrix[(above * size) + row], matrix.AsSpan((above * size) + column, columns), line);
            }

            DoubleRows.Scale(line, 1 / matrix[(row * size) + row]);
        }
    }
}
