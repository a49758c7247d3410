using System.Numerics;
using System.Runtime.InteropServices;

namespace CompressTool.Diffusion.Metrics;

/// <summary>Sums over arrays in double precision.</summary>
internal static class DoubleVectors
{
    /// <summary>The sum of products.</summary>
    public static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        var (wideX, wideY) = (Wide(x).Length, Vector<double>.Count);
        var sums = Vector<double>.Zero;
        var xs = Wide(x);
        var ys = Wide(y[..x.Length]);
        for (var i = 0; i < wideX; i++)
        {
            sums += xs[i] * ys[i];
        }

        var sum = Vector.Sum(sums);
        for (var i = wideX * wideY; i < x.Length; i++)
        {
            sum += x[i] * y[i];
        }

        return sum;
    }

    /// <summary>destination += a x.</summary>
    public static void AddScaled(double a, ReadOnlySpan<double> x, Span<double> destination)
    {
        var xs = Wide(x);
        var wide = MemoryMarshal.Cast<double, Vector<double>>(destination[..x.Length]);
        for (var i = 0; i < xs.Length; i++)
        {
            wide[i] += a * xs[i];
        }

        for (var i = xs.Length * Vector<double>.Count; i < x.Length; i++)
        {
            destination[i] += a * x[i];
        }
    }

    private static ReadOnlySpan<Vector<double>> Wide(ReadOnlySpan<double> x) => MemoryMarshal.Cast<double, Vector<double>>(x);
}
