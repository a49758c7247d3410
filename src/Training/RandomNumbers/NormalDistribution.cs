using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CompressTool.Training.RandomNumbers;

/// <summary>
/// Normal numbers from uniform ones. Made of additions, multiplications, divisions and roots in double precision only, which
/// are exactly rounded everywhere: libraries differ in the last bits of their logarithms and sines.
/// </summary>
internal static class NormalDistribution
{
    /// <summary>1.5 * 2^52: adding it rounds to a whole number, which is then in the low bits.</summary>
    private const double Rounder = 6755399441055744.0;

    private const double LogOfTwo = 0.6931471805599453;

    /// <summary>The bits of the root of one half: mantissas are taken between it and the root of two.</summary>
    private const long RootOfHalf = 0x3FE6A09E667F3BCD;

    /// <summary>Two independent normal numbers for each two uniform words (Box and Muller 1958); at most 6.7 in size.</summary>
    /// <param name="radius">Random words of 32 bits.</param>
    /// <param name="angle">Random words of 32 bits.</param>
    /// <param name="first">The one number.</param>
    /// <param name="second">The other.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pairs(Vector512<ulong> radius, Vector512<ulong> angle, out Vector512<double> first, out Vector512<double> second)
    {
        const double unit = 1.0 / (1ul << 32);
        var size = Vector512.Sqrt(Log((ToDouble(radius) + Vector512<double>.One) * unit) * -2);
        SinCos(ToDouble(angle) * unit, out var sin, out var cos);
        first = size * cos;
        second = size * sin;
    }

    /// <summary>Whole numbers of at most 52 bits, exactly.</summary>
    private static Vector512<double> ToDouble(Vector512<ulong> words) =>
        (words | Vector512.Create(0x4330000000000000ul)).AsDouble() - Vector512.Create(4503599627370496.0);

    /// <summary>The natural logarithm of normal numbers more than 0, to about 1e-15.</summary>
    private static Vector512<double> Log(Vector512<double> x)
    {
        var bits = x.AsInt64();
        var exponent = (bits - Vector512.Create(RootOfHalf)) >> 52;
        var mantissa = (bits - (exponent << 52)).AsDouble();
        var scale = (exponent + Vector512.Create(Rounder).AsInt64()).AsDouble() - Vector512.Create(Rounder);

        // log m = 2 artanh s = 2 (s + s^3/3 + s^5/5 ...) where s = (m - 1) / (m + 1), |s| < 0.172.
        var s = (mantissa - Vector512<double>.One) / (mantissa + Vector512<double>.One);
        var square = s * s;
        var sum = Vector512.Create(1.0 / 19);
        for (var odd = 17; odd >= 1; odd -= 2)
        {
            sum = (sum * square) + Vector512.Create(1.0 / odd);
        }

        return (scale * LogOfTwo) + (s * 2 * sum);
    }

    /// <summary>Sine and cosine of an angle in turns, from 0 to 1, to about 1e-15.</summary>
    private static void SinCos(Vector512<double> turns, out Vector512<double> sin, out Vector512<double> cos)
    {
        var rounded = (turns * 4) + Vector512.Create(Rounder);
        var quarter = rounded.AsInt64();
        var x = (turns - ((rounded - Vector512.Create(Rounder)) * 0.25)) * (2 * Math.PI);
        var square = x * x;

        // Taylor's series for |x| <= pi / 4.
        var (sine, cosine) = (Vector512<double>.One, Vector512<double>.One);
        for (var n = 16; n >= 2; n -= 2)
        {
            sine = Vector512<double>.One - (sine * square * (1.0 / (n * (n + 1))));
            cosine = Vector512<double>.One - (cosine * square * (1.0 / (n * (n - 1))));
        }

        sine *= x;
        var odd = ~Vector512.Equals(quarter & Vector512<long>.One, Vector512<long>.Zero);
        var sinSign = ((quarter & Vector512.Create(2L)) << 62).AsDouble();
        var cosSign = (((quarter + Vector512<long>.One) & Vector512.Create(2L)) << 62).AsDouble();
        sin = Vector512.ConditionalSelect(odd.AsDouble(), cosine, sine) ^ sinSign;
        cos = Vector512.ConditionalSelect(odd.AsDouble(), sine, cosine) ^ cosSign;
    }
}
