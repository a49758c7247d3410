using System.Numerics;
using System.Runtime.InteropServices;

namespace CompressTool.Diffusion.Arithmetic;

/// <summary>
/// Sums of scaled arrays, which is what steps of samplers are made of. Products and sums are rounded one by one, so that
/// vectors of any width give the same bits. Destinations may be one of the operands.
/// </summary>
internal static class Vectors
{
    /// <summary>destination = a x.</summary>
    public static void Scale(float a, ReadOnlySpan<float> x, Span<float> destination)
    {
        Check(x, destination);
        var wide = MemoryMarshal.Cast<float, Vector<float>>(destination);
        var xs = MemoryMarshal.Cast<float, Vector<float>>(x);
        for (var i = 0; i < wide.Length; i++)
        {
            wide[i] = a * xs[i];
        }

        for (var i = wide.Length * Vector<float>.Count; i < destination.Length; i++)
        {
            destination[i] = a * x[i];
        }
    }

    /// <summary>destination = a x + b y.</summary>
    public static void Combine(float a, ReadOnlySpan<float> x, float b, ReadOnlySpan<float> y, Span<float> destination)
    {
        Check(x, destination);
        Check(y, destination);
        var wide = MemoryMarshal.Cast<float, Vector<float>>(destination);
        var xs = MemoryMarshal.Cast<float, Vector<float>>(x);
        var ys = MemoryMarshal.Cast<float, Vector<float>>(y);
        for (var i = 0; i < wide.Length; i++)
        {
            wide[i] = (a * xs[i]) + (b * ys[i]);
        }

        for (var i = wide.Length * Vector<float>.Count; i < destination.Length; i++)
        {
            destination[i] = (a * x[i]) + (b * y[i]);
        }
    }

    /// <summary>destination += a x.</summary>
    public static void Add(float a, ReadOnlySpan<float> x, Span<float> destination) => Combine(1, destination, a, x, destination);

    /// <summary>Limits every element to between -range and range.</summary>
    public static void Clamp(Span<float> values, float range)
    {
        var (least, most) = (new Vector<float>(-range), new Vector<float>(range));
        var wide = MemoryMarshal.Cast<float, Vector<float>>(values);
        foreach (ref var value in wide)
        {
            value = Vector.Min(most, Vector.Max(least, value));
        }

        foreach (ref var value in values[(wide.Length * Vector<float>.Count)..])
        {
            value = Math.Clamp(value, -range, range);
        }
    }

    /// <summary>The standard deviation of the elements, in double precision.</summary>
    public static double Deviation(ReadOnlySpan<float> values)
    {
        double sum = 0, squares = 0;
        foreach (var value in values)
        {
            sum += value;
        }

        var mean = sum / values.Length;
        foreach (var value in values)
        {
            squares += (value - mean) * (value - mean);
        }

        return Math.Sqrt(squares / Math.Max(values.Length - 1, 1));
    }

    /// <summary>The value that a share of the sizes of all elements lie below, between two of them on the line through both.</summary>
    public static float QuantileOfSizes(ReadOnlySpan<float> values, double share)
    {
        var sizes = new float[values.Length];
        for (var i = 0; i < sizes.Length; i++)
        {
            sizes[i] = Math.Abs(values[i]);
        }

        Array.Sort(sizes);
        var place = share * (sizes.Length - 1);
        var (below, above) = (sizes[(int)Math.Floor(place)], sizes[(int)Math.Ceiling(place)]);
        return (float)(below + ((place - Math.Floor(place)) * (above - below)));
    }

    private static void Check(ReadOnlySpan<float> operand, Span<float> destination)
    {
        if (operand.Length != destination.Length)
        {
            throw new ArgumentException($"{operand.Length} elements for {destination.Length}.");
        }
    }
}
