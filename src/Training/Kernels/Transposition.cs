using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace CompressTool.Training.Kernels;

/// <summary>Moves matrices between row-major and packed orders.</summary>
internal static unsafe class Transposition
{
    /// <summary>target[column * targetStep + row] = source[row * sourceStep + column].</summary>
    /// <param name="source">A matrix.</param>
    /// <param name="sourceStep">Floats from one of its rows to the next.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="target">The transposed matrix.</param>
    /// <param name="targetStep">Floats from one row of the target to the next.</param>
    public static void Transpose(float* source, nint sourceStep, int rows, int columns, float* target, nint targetStep)
    {
        var row = 0;
        if (Avx512F.IsSupported && columns >= 16)
        {
            for (; row <= rows - 16; row += 16)
            {
                var column = 0;
                for (; column <= columns - 16; column += 16)
                {
                    Transpose16x16(source + (row * sourceStep) + column, sourceStep, target + row + (column * targetStep), targetStep);
                }

                if (column < columns)
                {
                    Transpose(source + (row * sourceStep) + column, sourceStep, 16, columns - column, target + row + (column * targetStep), targetStep);
                }
            }
        }

        if (Avx.IsSupported && columns >= 8)
        {
            for (; row <= rows - 8; row += 8)
            {
                var column = 0;
                for (; column <= columns - 8; column += 8)
                {
                    Transpose8x8(source + (row * sourceStep) + column, sourceStep, target + row + (column * targetStep), targetStep);
                }

                if (column < columns)
                {
                    Transpose(source + (row * sourceStep) + column, sourceStep, 8, columns - column, target + row + (column * targetStep), targetStep);
                }
            }
        }

        for (; row <= rows - 4; row += 4)
        {
            var s = source + (row * sourceStep);
            var t = target + row;
            var column = 0;
            for (; column <= columns - 4; column += 4, s += 4, t += 4 * targetStep)
            {
                Transpose4x4(s, sourceStep, t, targetStep);
            }

            for (; column < columns; column++, s++, t += targetStep)
            {
                t[0] = s[0];
                t[1] = s[sourceStep];
                t[2] = s[2 * sourceStep];
                t[3] = s[3 * sourceStep];
            }
        }

        for (; row < rows; row++)
        {
            var s = source + (row * sourceStep);
            var t = target + row;
            for (var column = 0; column < columns; column++, t += targetStep)
            {
                *t = s[column];
            }
        }
    }

    /// <summary>target[column * targetStep + row] += source[row * sourceStep + column].</summary>
    /// <inheritdoc cref="Transpose"/>
    public static void AddTransposed(float* source, nint sourceStep, int rows, int columns, float* target, nint targetStep)
    {
        for (var column = 0; column < columns; column++)
        {
            for (var row = 0; row < rows; row++)
            {
                target[(column * targetStep) + row] += source[(row * sourceStep) + column];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose16x16(float* s, nint ss, float* t, nint ts)
    {
        // Pairs of rows interleave within lanes of 128 bits, then pairs of pairs: lane i of the result holds four rows at column 4 * i + k.
        var (q00, q01, q02, q03) = Interleave(Vector512.Load(s), Vector512.Load(s + (1 * ss)), Vector512.Load(s + (2 * ss)), Vector512.Load(s + (3 * ss)));
        var (q10, q11, q12, q13) = Interleave(Vector512.Load(s + (4 * ss)), Vector512.Load(s + (5 * ss)), Vector512.Load(s + (6 * ss)), Vector512.Load(s + (7 * ss)));
        var (q20, q21, q22, q23) = Interleave(Vector512.Load(s + (8 * ss)), Vector512.Load(s + (9 * ss)), Vector512.Load(s + (10 * ss)), Vector512.Load(s + (11 * ss)));
        var (q30, q31, q32, q33) = Interleave(Vector512.Load(s + (12 * ss)), Vector512.Load(s + (13 * ss)), Vector512.Load(s + (14 * ss)), Vector512.Load(s + (15 * ss)));

        // Columns 4 * i + k of all rows: lane i of the four quarters side by side.
        StoreLanes(q00, q10, q20, q30, t, 4 * ts);
        StoreLanes(q01, q11, q21, q31, t + ts, 4 * ts);
        StoreLanes(q02, q12, q22, q32, t + (2 * ts), 4 * ts);
        StoreLanes(q03, q13, q23, q33, t + (3 * ts), 4 * ts);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> First, Vector512<float> Second, Vector512<float> Third, Vector512<float> Fourth) Interleave(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        Vector512<float> ac0 = Avx512F.UnpackLow(a, c), ac1 = Avx512F.UnpackHigh(a, c), bd0 = Avx512F.UnpackLow(b, d), bd1 = Avx512F.UnpackHigh(b, d);
        return (Avx512F.UnpackLow(ac0, bd0), Avx512F.UnpackHigh(ac0, bd0), Avx512F.UnpackLow(ac1, bd1), Avx512F.UnpackHigh(ac1, bd1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLanes(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* target, nint step)
    {
        Vector512<float> ab0 = Avx512F.Shuffle4x128(a, b, 0x88), ab1 = Avx512F.Shuffle4x128(a, b, 0xDD), cd0 = Avx512F.Shuffle4x128(c, d, 0x88), cd1 = Avx512F.Shuffle4x128(c, d, 0xDD);
        Avx512F.Shuffle4x128(ab0, cd0, 0x88).Store(target);
        Avx512F.Shuffle4x128(ab1, cd1, 0x88).Store(target + step);
        Avx512F.Shuffle4x128(ab0, cd0, 0xDD).Store(target + (2 * step));
        Avx512F.Shuffle4x128(ab1, cd1, 0xDD).Store(target + (3 * step));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose8x8(float* s, nint ss, float* t, nint ts)
    {
        var (a0, a1, a2, a3) = Interleave(Vector256.Load(s), Vector256.Load(s + ss), Vector256.Load(s + (2 * ss)), Vector256.Load(s + (3 * ss)));
        s += 4 * ss;
        var (b0, b1, b2, b3) = Interleave(Vector256.Load(s), Vector256.Load(s + ss), Vector256.Load(s + (2 * ss)), Vector256.Load(s + (3 * ss)));
        Avx.Permute2x128(a0, b0, 0x20).Store(t);
        Avx.Permute2x128(a1, b1, 0x20).Store(t + ts);
        Avx.Permute2x128(a2, b2, 0x20).Store(t + (2 * ts));
        Avx.Permute2x128(a3, b3, 0x20).Store(t + (3 * ts));
        t += 4 * ts;
        Avx.Permute2x128(a0, b0, 0x31).Store(t);
        Avx.Permute2x128(a1, b1, 0x31).Store(t + ts);
        Avx.Permute2x128(a2, b2, 0x31).Store(t + (2 * ts));
        Avx.Permute2x128(a3, b3, 0x31).Store(t + (3 * ts));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> First, Vector256<float> Second, Vector256<float> Third, Vector256<float> Fourth) Interleave(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        Vector256<float> ac0 = Avx.UnpackLow(a, c), ac1 = Avx.UnpackHigh(a, c), bd0 = Avx.UnpackLow(b, d), bd1 = Avx.UnpackHigh(b, d);
        return (Avx.UnpackLow(ac0, bd0), Avx.UnpackHigh(ac0, bd0), Avx.UnpackLow(ac1, bd1), Avx.UnpackHigh(ac1, bd1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4x4(float* source, nint sourceStep, float* target, nint targetStep)
    {
        Vector128<float> a = Vector128.Load(source), b = Vector128.Load(source + sourceStep), c = Vector128.Load(source + (2 * sourceStep)), d = Vector128.Load(source + (3 * sourceStep));
        Vector128<float> ac0 = ZipLow(a, c), ac1 = ZipHigh(a, c), bd0 = ZipLow(b, d), bd1 = ZipHigh(b, d);
        ZipLow(ac0, bd0).Store(target);
        ZipHigh(ac0, bd0).Store(target + targetStep);
        ZipLow(ac1, bd1).Store(target + (2 * targetStep));
        ZipHigh(ac1, bd1).Store(target + (3 * targetStep));
    }

    /// <summary>a0 b0 a1 b1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackLow(a, b) : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b) : Vector128.Create(a[0], b[0], a[1], b[1]);

    /// <summary>a2 b2 a3 b3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackHigh(a, b) : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b) : Vector128.Create(a[2], b[2], a[3], b[3]);
}
