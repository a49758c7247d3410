using System.Runtime.CompilerServices;

namespace CompressTool.Training.Kernels;

/// <summary>A function of single elements that a kernel applies on the way, and its derivative.</summary>
internal interface IActivation
{
    static abstract T Value<T>(T z)
        where T : unmanaged, IFloatVector<T>;

    static abstract T Derivative<T>(T z)
        where T : unmanaged, IFloatVector<T>;
}

/// <summary>z.</summary>
internal readonly struct NoActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z)
        where T : unmanaged, IFloatVector<T> => z;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z)
        where T : unmanaged, IFloatVector<T> => T.Create(1);
}

/// <summary>z * sigmoid(z).</summary>
internal readonly struct Silu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(T z)
        where T : unmanaged, IFloatVector<T> => z * MathFunctions.Sigmoid(z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T z)
        where T : unmanaged, IFloatVector<T>
    {
        var sigmoid = MathFunctions.Sigmoid(z);
        return T.MultiplyAdd(z * sigmoid, T.Create(1) - sigmoid, sigmoid);
    }
}

/// <summary>Functions of vectors.</summary>
internal static class MathFunctions
{
    /// <summary>1 / (1 + e^-x) within 2e-7 of the value; below -80, that of -80.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T>(T x)
        where T : unmanaged, IFloatVector<T> => T.Reciprocal(T.Create(1) + Exp(T.Create(0) - x));

    /// <summary>
    /// e^x within 1e-7 of the value, for x from -80 to 80; beyond, that of the bound, which is nothing or everything beside 1.
    /// x = n * ln 2 + r with r at most ln 2 / 2: a polynomial for e^r, and n goes to the exponent.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x)
        where T : unmanaged, IFloatVector<T>
    {
        // Adding 1.5 * 2^23 rounds to a whole number, which is then in the low bits.
        const float Shift = 12582912;

        // ln 2 in two parts: products of the first with n are exact.
        const float Ln2High = 0.693359375f, Ln2Low = -0.00021219444005469058f;
        x = T.Clamp(x, -80, 80);
        var shifted = T.MultiplyAdd(x, T.Create(1.44269504f), T.Create(Shift));
        var n = shifted - T.Create(Shift);
        var r = T.MultiplyAdd(n, T.Create(-Ln2Low), T.MultiplyAdd(n, T.Create(-Ln2High), x));

        // (e^r - 1 - r) / r^2, interpolated at Chebyshev nodes.
        var p = T.MultiplyAdd(T.Create(0.0013926176f), r, T.Create(0.0083631733f));
        p = T.MultiplyAdd(p, r, T.Create(0.041666556f));
        p = T.MultiplyAdd(p, r, T.Create(0.16666578f));
        p = T.MultiplyAdd(p, r, T.Create(0.5f));
        return T.ScaleByPower(T.MultiplyAdd(p, r * r, r) + T.Create(1), shifted);
    }
}
