namespace CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

/// <summary>Eigenvectors of small positive semidefinite matrices by Jacobi's rotations, which are slow and accurate.</summary>
internal static class SymmetricEigen
{
    private const int MostSweeps = 60;

    /// <summary>The eigenvectors as rows, those of the largest eigenvalues first.</summary>
    /// <param name="matrix">The matrix row by row; becomes diagonal.</param>
    /// <param name="size">Its rows.</param>
    public static double[] Vectors(double[] matrix, int size)
    {
        var vectors = new double[size * size];
        var trace = 0.0;
        for (var i = 0; i < size; i++)
        {
            vectors[i * (size + 1)] = 1;
            trace += matrix[i * (size + 1)];
        }

        for (var (sweep, isDone) = (0, false); !isDone && sweep < MostSweeps; sweep++)
        {
            isDone = true;
            for (var p = 0; p < size - 1; p++)
            {
                for (var q = p + 1; q < size; q++)
                {
                    isDone &= !Rotate(matrix, vectors, size, p, q, 1e-17 * trace);
                }
            }
        }

        var sorted = new double[size * size];
        foreach (var (place, row) in Enumerable.Range(0, size).OrderByDescending(i => matrix[i * (size + 1)]).Index())
        {
            vectors.AsSpan(row * size, size).CopyTo(sorted.AsSpan(place * size));
        }

        return sorted;
    }

    /// <summary>Makes element (p, q) zero; false when it is already, against the largest eigenvalue.</summary>
    private static bool Rotate(double[] a, double[] vectors, int size, int p, int q, double small)
    {
        var (app, aqq, apq) = (a[p * (size + 1)], a[q * (size + 1)], a[(p * size) + q]);
        if (Math.Abs(apq) <= small)
        {
            return false;
        }

        // The smaller of the two angles with cot 2x = (aqq - app) / 2 apq.
        var cotangent = (aqq - app) / (2 * apq);
        var tangent = (cotangent >= 0 ? 1 : -1) / (Math.Abs(cotangent) + double.Hypot(cotangent, 1));
        var cos = 1 / Math.Sqrt((tangent * tangent) + 1);
        var sin = tangent * cos;
        Mix(a.AsSpan(p * size, size), a.AsSpan(q * size, size), cos, sin);
        for (var i = 0; i < size; i++)
        {
            var (x, y) = (a[(i * size) + p], a[(i * size) + q]);
            a[(i * size) + p] = (cos * x) - (sin * y);
            a[(i * size) + q] = (sin * x) + (cos * y);
        }

        (a[(p * size) + q], a[(q * size) + p]) = (0, 0);
        Mix(vectors.AsSpan(p * size, size), vectors.AsSpan(q * size, size), cos, sin);
        return true;
    }

    private static void Mix(Span<double> one, Span<double> other, double cos, double sin)
    {
        for (var i = 0; i < one.Length; i++)
        {
            var (x, y) = (one[i], other[i]);
            one[i] = (cos * x) - (sin * y);
            other[i] = (sin * x) + (cos * y);
        }
    }
}
