using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// The low-rank branch of SVDQuant (Li et al., ICLR 2025): a weight W as L1 L2 + R, where L1 L2 is the best approximation of a
/// rank, kept in high precision, and R, now smaller, is quantized. Found by subspace iteration from random numbers (Halko,
/// Martinsson and Tropp, "Finding structure with randomness", 2011), in float64.
/// </summary>
internal static class LowRankBranch
{
    /// <summary>Directions more than wanted: they let the last ones converge.</summary>
    private const int Surplus = 8;

    /// <summary>Splits a weight.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="rank">The rank; not more than K and N are used.</param>
    /// <param name="seed">Of the random numbers.</param>
    /// <param name="iterations">Steps of the iteration: each makes what lies beyond the rank smaller by the square of the ratio of singular values.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels between steps.</param>
    public static LowRankFactors Find(
        float[] weights, int columns, int rank, ulong seed = 0, int iterations = 4, int threads = 0, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        var rows = weights.Length / columns;
        rank = Math.Min(rank, Math.Min(rows, columns));
        var size = Math.Min(rank + Surplus, Math.Min(rows, columns));
        var (left, right) = (new double[size * rows], Uniform(size * columns, seed));
        for (var iteration = 0; ; iteration++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Array.Clear(left);
            MatrixProduct<double>.Add( // W times each row.
                size, rows, columns, Operand<double>.Rows(right, columns), Operand<float>.Columns(weights, columns), Operand<double>.Rows(left, rows), 1, false, threads);
            DoubleRows.Orthonormalize(left, rows);
            Array.Clear(right);
            MatrixProduct<double>.Add(size, columns, rows, Operand<double>.Rows(left, rows), Operand<float>.Rows(weights, columns), Operand<double>.Rows(right, columns), 1, false, threads);
            if (iteration == iterations)
            {
                return Truncate(left, right, rows, columns, rank, threads);
            }

            DoubleRows.Orthonormalize(right, columns);
        }
    }

    /// <summary>Of W ≈ leftᵀ right with orthonormal rows on the left: the part of the largest singular values.</summary>
    private static LowRankFactors Truncate(double[] left, double[] right, int rows, int columns, int rank, int threads)
    {
        var size = left.Length / rows;
        var gram = new double[size * size];
        MatrixProduct<double>.Add(size, size, columns, Operand<double>.Rows(right, columns), Operand<double>.Columns(right, columns), Operand<double>.Rows(gram, size), 1, false, threads);
        var vectors = SymmetricEigen.Vectors(gram, size);
        var (first, second) = (new double[rank * rows], new double[rank * columns]);
        MatrixProduct<double>.Add(rank, rows, size, Operand<double>.Rows(vectors, size), Operand<double>.Rows(left, rows), Operand<double>.Rows(first, rows), 1, false, threads);
        MatrixProduct<double>.Add(rank, columns, size, Operand<double>.Rows(vectors, size), Operand<double>.Rows(right, columns), Operand<double>.Rows(second, columns), 1, false, threads);

        // Both factors get the root of the singular value: their numbers are then of one size, as 16 bits like them.
        var (l1, l2, values) = (new float[rows * rank], new float[rank * columns], new double[rank]);
        for (var i = 0; i < rank; i++)
        {
            var line = second.AsSpan(i * columns, columns);
            values[i] = Math.Sqrt(DoubleRows.Dot(line, line));
            var root = Math.Sqrt(values[i]);
            for (var row = 0; row < rows; row++)
            {
                l1[(row * rank) + i] = (float)(first[(i * rows) + row] * root);
            }

            for (var column = 0; root > 0 && column < columns; column++)
            {
                l2[(i * columns) + column] = (float)(line[column] / root);
            }
        }

        return new LowRankFactors(l1, l2, values);
    }

    /// <summary>Numbers between -1 and 1.</summary>
    private static double[] Uniform(int count, ulong seed)
    {
        var numbers = new double[count];
        for (var i = 0; i < count; i += 4)
        {
            var (x0, x1, x2, x3) = Philox.Block(((uint)i, 0, 0, 0), seed);
            ReadOnlySpan<uint> words = [x0, x1, x2, x3];
            for (var k = 0; k < Math.Min(4, count - i); k++)
            {
                numbers[i + k] = (words[k] + 0.5) / (1u << 31) - 1;
            }
        }

        return numbers;
    }
}

/// <summary>Two factors of low rank.</summary>
/// <param name="Left">L1, [K, rank].</param>
/// <param name="Right">L2, [rank, N].</param>
/// <param name="SingularValues">The singular values, largest first, [rank].</param>
internal sealed record LowRankFactors(float[] Left, float[] Right, double[] SingularValues)
{
    /// <summary>R = W - L1 L2, with the factors as they are stored.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    public float[] Residual(float[] weights, int threads = 0)
    {
        var rank = SingularValues.Length;
        var (rows, columns) = (Left.Length / rank, Right.Length / rank);
        float[] residual = [.. weights];
        MatrixProduct<float>.Add(rows, columns, rank, Operand<float>.Rows(Left, rank), Operand<float>.Rows(Right, columns), Operand<float>.Rows(residual, columns), -1, false, threads);
        return residual;
    }
}
