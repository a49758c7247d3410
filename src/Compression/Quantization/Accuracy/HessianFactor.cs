using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// What GPTQ needs of a Hessian: how an error at one row of the weight is made good at rows that come later. With H = U Uᵀ, U
/// upper triangular in the order of the rows, row j is to be raised by Σ_{i&lt;j} e_i U_ij / U_jj, where e_i is what the rows
/// before lost to quantization (Chee et al., "QuIP", NeurIPS 2023, theorem 6). The upper Cholesky factor of the inverse, which
/// GPTQ is usually written with, is U⁻¹ and says the same, for two to three times the work and a little less exactly.
/// </summary>
internal sealed class HessianFactor
{
    /// <summary>Cholesky's R of the matrix with rows and columns in reversed order, so that U_ij = R[K-1-j, K-1-i].</summary>
    private readonly double[] _reversed;

    private HessianFactor(double[] reversed, int[] order, double damping) => (_reversed, Order, Damping) = (reversed, order, damping);

    /// <summary>The rows of the weight in the order they are to be quantized.</summary>
    public int[] Order { get; }

    /// <summary>The damping that it was found with.</summary>
    public double Damping { get; }

    private int Size => Order.Length;

    /// <summary>Factorizes a Hessian with more and more damping until it works.</summary>
    /// <param name="hessian">H, [K, K].</param>
    /// <param name="order">The order of the rows.</param>
    /// <param name="damping">The damping to begin with; it may grow to 1.</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Null when H is not positive definite with any damping, as when it is not finite.</returns>
    public static HessianFactor? Find(double[] hessian, int[] order, double damping, int threads, CancellationToken cancellationToken)
    {
        const double Growth = 10, Most = 1, Least = 1e-4;
        var size = order.Length;
        var mean = Mean(hessian, size);
        var matrix = new double[hessian.Length];
        while (true)
        {
            var added = damping * mean;
            ParallelWork.For(size, threads, row =>
            {
                var (from, to) = (order[size - 1 - row] * size, row * size);
                for (var column = row; column < size; column++)
                {
                    matrix[to + column] = hessian[from + order[size - 1 - column]];
                }

                // An input that is always zero: its weights neither matter nor can they make good anything.
                var diagonal = matrix[to + row];
                matrix[to + row] = (diagonal == 0 ? 1 : diagonal) + added;
            }, cancellationToken);
            if (Cholesky.Factorize(matrix, size, threads, cancellationToken))
            {
                return new HessianFactor(matrix, order, damping);
            }

            if (damping >= Most)
            {
                return null;
            }

            damping = Math.Min(Most, Math.Max(Least, damping * Growth));
        }
    }

    /// <summary>The share of the error at position i that row j makes good, for i before j; positions are places in <see cref="Order"/>.</summary>
    public float Share(int i, int j)
    {
        var row = (Size - 1 - j) * Size;
        return (float)(_reversed[row + Size - 1 - i] / _reversed[row + Size - 1 - j]);
    }

    /// <summary>What the rows from <paramref name="first"/> on make good of the errors of all rows before.</summary>
    /// <param name="first">Position of the first row.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="errors">Errors by position, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="shares">Receives what to add to the rows, [count, N].</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    public void Collect(int first, int count, float[] errors, int columns, float[] shares, int threads)
    {
        shares.AsSpan(0, count * columns).Clear();
        var corner = ((Size - 1 - first) * Size) + Size - 1;
        MatrixProduct<float>.Add(
            count, columns, first, new Operand<double>(_reversed, corner, -Size, -1), Operand<float>.Rows(errors, columns), Operand<float>.Rows(shares, columns), 1, false, threads);
        for (var i = 0; i < count; i++)
        {
            var diagonal = (float)_reversed[(Size - 1 - first - i) * (Size + 1)];
            foreach (ref var share in shares.AsSpan(i * columns, columns))
            {
                share /= diagonal;
            }
        }
    }

    /// <summary>The mean of the diagonal over the inputs that are not always zero.</summary>
    public static double Mean(double[] hessian, int size)
    {
        var (sum, count) = (0.0, 0);
        for (var i = 0; i < size; i++)
        {
            sum += hessian[i * (size + 1)];
            count += hessian[i * (size + 1)] != 0 ? 1 : 0;
        }

        return sum / Math.Max(1, count);
    }
}
