using System.Numerics;
using System.Runtime.CompilerServices;

namespace CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

/// <summary>
/// The inner loop of matrix products: the sum of outer products of packed panels, 6 rows by 2 vectors, in registers. Each
/// element is one chain of multiply-adds over the depth, so that vectors of any width give the same bits.
/// </summary>
internal static unsafe class ProductTile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 6;

    /// <summary>Computes a tile.</summary>
    /// <typeparam name="TVector">The vector to use.</typeparam>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="left">Packed panel: 6 elements for each step of the depth.</param>
    /// <param name="right">Packed panel: 2 aligned vectors for each step of the depth.</param>
    /// <param name="depth">Number of steps.</param>
    /// <param name="tile">Receives 6 rows of 2 vectors, aligned.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compute<TVector, T>(T* left, T* right, int depth, T* tile)
        where TVector : struct, IWideVector<TVector, T>
        where T : unmanaged
    {
        var lanes = TVector.Count;
        TVector a0 = TVector.Create(default), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0, e0 = a0, e1 = a0, f0 = a0, f1 = a0;
        for (var step = 0; step < depth; step++)
        {
            var (first, second) = (TVector.Load(right), TVector.Load(right + lanes));
            var factor = TVector.Create(left[0]);
            a0 = TVector.MultiplyAdd(factor, first, a0);
            a1 = TVector.MultiplyAdd(factor, second, a1);
            factor = TVector.Create(left[1]);
            b0 = TVector.MultiplyAdd(factor, first, b0);
            b1 = TVector.MultiplyAdd(factor, second, b1);
            factor = TVector.Create(left[2]);
            c0 = TVector.MultiplyAdd(factor, first, c0);
            c1 = TVector.MultiplyAdd(factor, second, c1);
            factor = TVector.Create(left[3]);
            d0 = TVector.MultiplyAdd(factor, first, d0);
            d1 = TVector.MultiplyAdd(factor, second, d1);
            factor = TVector.Create(left[4]);
            e0 = TVector.MultiplyAdd(factor, first, e0);
            e1 = TVector.MultiplyAdd(factor, second, e1);
            factor = TVector.Create(left[5]);
            f0 = TVector.MultiplyAdd(factor, first, f0);
            f1 = TVector.MultiplyAdd(factor, second, f1);
            left += Rows;
            right += 2 * lanes;
        }

        Store(a0, a1, tile);
        Store(b0, b1, tile + (2 * lanes));
        Store(c0, c1, tile + (4 * lanes));
        Store(d0, d1, tile + (6 * lanes));
        Store(e0, e1, tile + (8 * lanes));
        Store(f0, f1, tile + (10 * lanes));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Store(TVector one, TVector two, T* place)
        {
            TVector.Store(one, place);
            TVector.Store(two, place + TVector.Count);
        }
    }

    /// <summary>target += factor * row.</summary>
    public static void AddRow<T, TTarget>(T* row, T factor, TTarget* target, int count)
        where T : unmanaged, INumber<T>
        where TTarget : unmanaged, INumber<TTarget>
    {
        var index = 0;
        if (typeof(T) == typeof(TTarget))
        {
            for (; index <= count - Vector<T>.Count; index += Vector<T>.Count)
            {
                var place = (T*)target + index;
                (Vector.Load(place) + (Vector.Load(row + index) * factor)).Store(place);
            }
        }
        else if (typeof(T) == typeof(float) && typeof(TTarget) == typeof(double))
        {
            for (; index <= count - Vector<float>.Count; index += Vector<float>.Count)
            {
                var place = (double*)target + index;
                Vector.Widen(Vector.Load((float*)row + index) * float.CreateTruncating(factor), out var low, out var high);
                (Vector.Load(place) + low).Store(place);
                (Vector.Load(place + Vector<double>.Count) + high).Store(place + Vector<double>.Count);
            }
        }

        for (; index < count; index++)
        {
            target[index] += TTarget.CreateTruncating(row[index] * factor);
        }
    }
}
