using CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>What changes of a weight do to the layer's output, told by its Hessian instead of by samples.</summary>
internal static class OutputError
{
    /// <summary>dᵀ H d of every column: twice the mean squared error of that output.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="changed">The weight that takes its place, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="hessian">H, [K, K].</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    /// <returns>[N].</returns>
    public static double[] OfColumns(float[] weights, float[] changed, int columns, double[] hessian, int threads = 0)
    {
        var difference = new float[weights.Length];
        for (var i = 0; i < difference.Length; i++)
        {
            difference[i] = changed[i] - weights[i];
        }

        var product = new float[weights.Length];
        Multiply(hessian, difference, columns, product, threads);
        return Dot(difference, product, columns);
    }

    /// <summary>tr dᵀ H d: the sum over the columns.</summary>
    public static double Of(float[] weights, float[] changed, int columns, double[] hessian, int threads = 0) =>
        OfColumns(weights, changed, columns, hessian, threads).Sum();

    /// <summary>H d.</summary>
    /// <param name="hessian">H, [K, K].</param>
    /// <param name="difference">d, [K, N].</param>
    /// <param name="columns">N.</param>
    /// <param name="product">Receives it, [K, N].</param>
    /// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
    public static void Multiply(double[] hessian, float[] difference, int columns, float[] product, int threads = 0)
    {
        var rows = difference.Length / columns;
        Array.Clear(product);
        MatrixProduct<float>.Add(
            rows, columns, rows, Operand<double>.Rows(hessian, rows), Operand<float>.Rows(difference, columns), Operand<float>.Rows(product, columns), 1, false, threads);
    }

    /// <summary>The dot products of columns of two matrices [K, N].</summary>
    public static double[] Dot(ReadOnlySpan<float> one, ReadOnlySpan<float> other, int columns)
    {
        var sums = new double[columns];
        for (var i = 0; i < one.Length; i += columns)
        {
            for (var column = 0; column < columns; column++)
            {
                sums[column] += (double)one[i + column] * other[i + column];
            }
        }

        return sums;
    }
}
