using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

/// <summary>A vector of the widest kind the processor has, so that a kernel is written once for all widths.</summary>
/// <typeparam name="TSelf">The vector.</typeparam>
/// <typeparam name="T">Its elements: float or double.</typeparam>
internal unsafe interface IWideVector<TSelf, T>
    where TSelf : struct, IWideVector<TSelf, T>
    where T : unmanaged
{
    /// <summary>Number of elements.</summary>
    static abstract int Count { get; }

    /// <summary>The same element everywhere.</summary>
    static abstract TSelf Create(T value);

    /// <summary>Reads aligned elements.</summary>
    static abstract TSelf Load(T* source);

    /// <summary>Writes aligned elements.</summary>
    static abstract void Store(TSelf value, T* target);

    /// <summary>a b + c, rounded once where the processor can.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);
}

/// <summary>512 bits.</summary>
internal readonly unsafe struct Wide512<T>(Vector512<T> value) : IWideVector<Wide512<T>, T>
    where T : unmanaged
{
    private readonly Vector512<T> _value = value;

    public static int Count => Vector512<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512<T> Create(T value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512<T> Load(T* source) => new(Vector512.LoadAligned(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Wide512<T> value, T* target) => value._value.StoreAligned(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512<T> MultiplyAdd(Wide512<T> a, Wide512<T> b, Wide512<T> c) => typeof(T) == typeof(float)
        ? new(Vector512.MultiplyAddEstimate(a._value.AsSingle(), b._value.AsSingle(), c._value.AsSingle()).As<float, T>())
        : new(Vector512.MultiplyAddEstimate(a._value.AsDouble(), b._value.AsDouble(), c._value.AsDouble()).As<double, T>());
}

/// <summary>256 bits; emulated where there are only 128.</summary>
internal readonly unsafe struct Wide256<T>(Vector256<T> value) : IWideVector<Wide256<T>, T>
    where T : unmanaged
{
    private readonly Vector256<T> _value = value;

    public static int Count => Vector256<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256<T> Create(T value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256<T> Load(T* source) => new(Vector256.LoadAligned(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Wide256<T> value, T* target) => value._value.StoreAligned(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256<T> MultiplyAdd(Wide256<T> a, Wide256<T> b, Wide256<T> c) => typeof(T) == typeof(float)
        ? new(Vector256.MultiplyAddEstimate(a._value.AsSingle(), b._value.AsSingle(), c._value.AsSingle()).As<float, T>())
        : new(Vector256.MultiplyAddEstimate(a._value.AsDouble(), b._value.AsDouble(), c._value.AsDouble()).As<double, T>());
}
