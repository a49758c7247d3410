using System.Runtime.CompilerServices;

namespace CompressTool.Training.Kernels;

/// <summary>Sums over contiguous elements, and the rest of them that fills no vector.</summary>
internal static unsafe class Elementwise
{
    /// <summary>Elements of the widest vector.</summary>
    public const int MostLanes = 16;

    /// <summary>The sum, over four chains of vectors: fast, and more exact than a single chain.</summary>
    public static float Sum<T>(float* source, long count)
        where T : unmanaged, IFloatVector<T>
    {
        T a = T.Create(0), b = a, c = a, d = a;
        long i = 0;
        for (; i <= count - (4 * T.Count); i += 4 * T.Count)
        {
            a += T.Load(source + i);
            b += T.Load(source + i + T.Count);
            c += T.Load(source + i + (2 * T.Count));
            d += T.Load(source + i + (3 * T.Count));
        }

        for (; i <= count - T.Count; i += T.Count)
        {
            a += T.Load(source + i);
        }

        var sum = T.Sum((a + b) + (c + d));
        for (; i < count; i++)
        {
            sum += source[i];
        }

        return sum;
    }

    /// <summary>The sum of squares of distances to a number.</summary>
    public static float SumOfSquares<T>(float* source, long count, float center)
        where T : unmanaged, IFloatVector<T>
    {
        T a = T.Create(0), b = a, c = a, d = a, middle = T.Create(center);
        long i = 0;
        for (; i <= count - (4 * T.Count); i += 4 * T.Count)
        {
            var x = T.Load(source + i) - middle;
            a = T.MultiplyAdd(x, x, a);
            x = T.Load(source + i + T.Count) - middle;
            b = T.MultiplyAdd(x, x, b);
            x = T.Load(source + i + (2 * T.Count)) - middle;
            c = T.MultiplyAdd(x, x, c);
            x = T.Load(source + i + (3 * T.Count)) - middle;
            d = T.MultiplyAdd(x, x, d);
        }

        for (; i <= count - T.Count; i += T.Count)
        {
            var x = T.Load(source + i) - middle;
            a = T.MultiplyAdd(x, x, a);
        }

        var sum = T.Sum((a + b) + (c + d));
        for (; i < count; i++)
        {
            sum += (source[i] - center) * (source[i] - center);
        }

        return sum;
    }

    /// <summary>As many elements as there are, at most a vector of them; the others are <paramref name="fill"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static T LoadPart<T>(float* source, long count, float fill)
        where T : unmanaged, IFloatVector<T>
    {
        var buffer = stackalloc float[MostLanes];
        for (var i = 0; i < T.Count; i++)
        {
            buffer[i] = i < count ? source[i] : fill;
        }

        return T.Load(buffer);
    }

    /// <summary>Writes the first elements of a vector.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StorePart<T>(T value, float* target, long count)
        where T : unmanaged, IFloatVector<T>
    {
        var buffer = stackalloc float[MostLanes];
        T.Store(value, buffer);
        for (var i = 0; i < T.Count && i < count; i++)
        {
            target[i] = buffer[i];
        }
    }
}
