using System.Numerics;
using System.Runtime.InteropServices;

namespace CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

/// <summary>Arithmetic with rows of matrices in float64.</summary>
internal static class DoubleRows
{
    /// <summary>The sum of products. Always in 8 lanes, so that vectors of any width give the same bits.</summary>
    public static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        const int lanes = 8;
        Span<double> sums = stackalloc double[lanes];
        sums.Clear();
        var wide = MemoryMarshal.Cast<double, Vector<double>>(sums);
        var (whole, step) = (x.Length / lanes * lanes, Vector<double>.Count);
        for (var i = 0; i < whole; i += lanes)
        {
            for (var lane = 0; lane < wide.Length; lane++)
            {
                wide[lane] += new Vector<double>(x[(i + (lane * step))..]) * new Vector<double>(y[(i + (lane * step))..]);
            }
        }

        for (var i = whole; i < x.Length; i++)
        {
            sums[i - whole] += x[i] * y[i];
        }

        var sum = 0.0;
        foreach (var lane in sums)
        {
            sum += lane;
        }

        return sum;
    }

    /// <summary>destination += factor x.</summary>
    public static void AddScaled(double factor, ReadOnlySpan<double> x, Span<double> destination)
    {
        var from = MemoryMarshal.Cast<double, Vector<double>>(x);
        var to = MemoryMarshal.Cast<double, Vector<double>>(destination[..x.Length]);
        for (var i = 0; i < from.Length; i++)
        {
            to[i] += factor * from[i];
        }

        for (var i = from.Length * Vector<double>.Count; i < x.Length; i++)
        {
            destination[i] += factor * x[i];
        }
    }

    /// <summary>x *= factor.</summary>
    public static void Scale(Span<double> x, double factor)
    {
        foreach (ref var element in x)
        {
            element *= factor;
        }
    }

    /// <summary>Makes rows orthonormal (Gram and Schmidt, twice for the sake of rounding); rows that depend on those before become zero.</summary>
    /// <param name="matrix">The rows.</param>
    /// <param name="length">Elements of a row.</param>
    public static void Orthonormalize(double[] matrix, int length)
    {
        for (var i = 0; i < matrix.Length; i += length)
        {
            var row = matrix.AsSpan(i, length);
            var before = Math.Sqrt(Dot(row, row));
            for (var pass = 0; pass < 2; pass++)
            {
                for (var j = 0; j < i; j += length)
                {
                    var other = matrix.AsSpan(j, length);
                    AddScaled(-Dot(row, other), other, row);
                }
            }

            var norm = Math.Sqrt(Dot(row, row));
            Scale(row, norm > 1e-12 * before ? 1 / norm : 0);
        }
    }
}
