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
