using System.Numerics;
using System.Runtime.InteropServices;

namespace CompressTool.Diffusion.Metrics;

/// <summary>Products and distances of features, summed in double precision.</summary>
internal static class FeatureDistances
{
    /// <summary>The sum of products.</summary>
    public static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        var sums = Vector<double>.Zero;
        var xs = MemoryMarshal.Cast<float, Vector<float>>(x);
        var ys = MemoryMarshal.Cast<float, Vector<float>>(y);
        for (var i = 0; i < xs.Length; i++)
        {
            Vector.Widen(xs[i], out var lowX, out var highX);
            Vector.Widen(ys[i], out var lowY, out var highY);
            sums += (lowX * lowY) + (highX * highY);
        }

        var sum = Vector.Sum(sums);
        for (var i = xs.Length * Vector<float>.Count; i < x.Length; i++)
        {
            sum += (double)x[i] * y[i];
        }

        return sum;
    }

    /// <summary>The sum of squared differences.</summary>
    public static double Squared(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        var sums = Vector<double>.Zero;
        var xs = MemoryMarshal.Cast<float, Vector<float>>(x);
        var ys = MemoryMarshal.Cast<float, Vector<float>>(y);
        for (var i = 0; i < xs.Length; i++)
        {
            Vector.Widen(xs[i], out var lowX, out var highX);
            Vector.Widen(ys[i], out var lowY, out var highY);
            sums += ((lowX - lowY) * (lowX - lowY)) + ((highX - highY) * (highX - highY));
        }

        var sum = Vector.Sum(sums);
        for (var i = xs.Length * Vector<float>.Count; i < x.Length; i++)
        {
            var difference = (double)x[i] - y[i];
            sum += difference * difference;
        }

        return sum;
    }
}
