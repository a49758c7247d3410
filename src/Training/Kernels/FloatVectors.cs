using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CompressTool.Training.Kernels;

/// <summary>A vector of float32 of some width, so that a kernel is written once for all widths.</summary>
internal unsafe interface IFloatVector<T>
    where T : unmanaged, IFloatVector<T>
{
    /// <summary>Elements of a vector.</summary>
    static abstract int Count { get; }

    static abstract T operator +(T a, T b);

    static abstract T operator -(T a, T b);

    static abstract T operator *(T a, T b);

    static abstract T Create(float value);

    static abstract T Load(float* source);

    static abstract void Store(T value, float* target);

    /// <summary>1 / x within one and a half units in the last place, for x from 1e-30 to 1e36.</summary>
    static abstract T Reciprocal(T x);

    /// <summary>a * b + c, rounded once where the processor can.</summary>
    static abstract T MultiplyAdd(T a, T b, T c);

    /// <summary>The value between bounds; NaN stays.</summary>
    static abstract T Clamp(T value, float least, float most);

    /// <summary>value * 2^n, given 1.5 * 2^23 + n as a float, whose low bits are n.</summary>
    static abstract T ScaleByPower(T value, T shifted);

    static abstract float Sum(T value);
}

/// <inheritdoc/>
internal readonly unsafe struct Floats512(Vector512<float> value) : IFloatVector<Floats512>
{
    private readonly Vector512<float> _value = value;

    public static int Count => Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 operator +(Floats512 a, Floats512 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 operator -(Floats512 a, Floats512 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 operator *(Floats512 a, Floats512 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Reciprocal(Floats512 x)
    {
        // 14 bits, doubled by a step of Newton's: half the time of a division.
        var estimate = Avx512F.Reciprocal14(x._value);
        return new(Vector512.FusedMultiplyAdd(estimate, Vector512.FusedMultiplyAdd(-x._value, estimate, Vector512<float>.One), estimate));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Create(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Floats512 value, float* target) => value._value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 MultiplyAdd(Floats512 a, Floats512 b, Floats512 c) => new(Vector512.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 Clamp(Floats512 value, float least, float most) =>
        new(Vector512.MinNative(Vector512.Create(most), Vector512.MaxNative(Vector512.Create(least), value._value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats512 ScaleByPower(Floats512 value, Floats512 shifted) => new((value._value.AsInt32() + (shifted._value.AsInt32() << 23)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Floats512 value) => Vector512.Sum(value._value);
}

/// <inheritdoc/>
internal readonly unsafe struct Floats256(Vector256<float> value) : IFloatVector<Floats256>
{
    private readonly Vector256<float> _value = value;

    public static int Count => Vector256<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 operator +(Floats256 a, Floats256 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 operator -(Floats256 a, Floats256 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 operator *(Floats256 a, Floats256 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Reciprocal(Floats256 x) => new(Vector256<float>.One / x._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Create(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Floats256 value, float* target) => value._value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 MultiplyAdd(Floats256 a, Floats256 b, Floats256 c) => new(Vector256.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 Clamp(Floats256 value, float least, float most) =>
        new(Vector256.MinNative(Vector256.Create(most), Vector256.MaxNative(Vector256.Create(least), value._value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats256 ScaleByPower(Floats256 value, Floats256 shifted) => new((value._value.AsInt32() + (shifted._value.AsInt32() << 23)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Floats256 value) => Vector256.Sum(value._value);
}

/// <inheritdoc/>
internal readonly unsafe struct Floats128(Vector128<float> value) : IFloatVector<Floats128>
{
    private readonly Vector128<float> _value = value;

    public static int Count => Vector128<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 operator +(Floats128 a, Floats128 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 operator -(Floats128 a, Floats128 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 operator *(Floats128 a, Floats128 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Reciprocal(Floats128 x) => new(Vector128<float>.One / x._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Create(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Floats128 value, float* target) => value._value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 MultiplyAdd(Floats128 a, Floats128 b, Floats128 c) => new(Vector128.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 Clamp(Floats128 value, float least, float most) =>
        new(Vector128.MinNative(Vector128.Create(most), Vector128.MaxNative(Vector128.Create(least), value._value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats128 ScaleByPower(Floats128 value, Floats128 shifted) => new((value._value.AsInt32() + (shifted._value.AsInt32() << 23)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Floats128 value) => Vector128.Sum(value._value);
}
