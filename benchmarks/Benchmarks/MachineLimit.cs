using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CompressTool.Benchmarks;

/// <summary>What this machine can do at most, right now: clocks change with what else runs on it.</summary>
internal static class MachineLimit
{
    /// <summary>Float32 operations a second (a multiply-add counts two) when every core does nothing but multiply-adds on its widest vectors.</summary>
    public static double Flops(int threads, double seconds = 0.1)
    {
        const int Steps = 20_000;
        return Sum(threads, seconds, () => () => Avx512F.IsSupported ? Wide(Steps) : Narrow(Steps));
    }

    /// <summary>Bytes a second that all cores read and write (a copied byte counts two) when they copy blocks larger than their own caches.</summary>
    public static double CopiedBytes(int threads, double seconds = 0.1)
    {
        const int Bytes = 4 << 20;
        return Sum(threads, seconds, () =>
        {
            var (from, to) = (new byte[Bytes], new byte[Bytes]);
            return () =>
            {
                from.AsSpan().CopyTo(to);
                return 2.0 * Bytes;
            };
        });
    }

    /// <summary>The best of each thread, together.</summary>
    private static double Sum(int threads, double seconds, Func<Func<double>> work)
    {
        var best = new double[threads];
        var workers = Enumerable.Range(0, threads).Select(index => new Thread(() => best[index] = Best(seconds, work()))).ToArray();
        foreach (var worker in workers)
        {
            worker.Start();
        }

        foreach (var worker in workers)
        {
            worker.Join();
        }

        return best.Sum();
    }

    private static double Best(double seconds, Func<double> work)
    {
        var (best, end) = (0.0, Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency));
        while (Stopwatch.GetTimestamp() < end)
        {
            var start = Stopwatch.GetTimestamp();
            var done = work();
            best = Math.Max(best, done / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    // Ten independent chains: more than two a cycle with a latency of four need.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static double Wide(int steps)
    {
        Vector512<float> x = Vector512<float>.Zero, a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x;
        for (var step = 0; step < steps; step++)
        {
            a = Vector512.FusedMultiplyAdd(x, x, a);
            b = Vector512.FusedMultiplyAdd(x, x, b);
            c = Vector512.FusedMultiplyAdd(x, x, c);
            d = Vector512.FusedMultiplyAdd(x, x, d);
            e = Vector512.FusedMultiplyAdd(x, x, e);
            f = Vector512.FusedMultiplyAdd(x, x, f);
            g = Vector512.FusedMultiplyAdd(x, x, g);
            h = Vector512.FusedMultiplyAdd(x, x, h);
            i = Vector512.FusedMultiplyAdd(x, x, i);
            j = Vector512.FusedMultiplyAdd(x, x, j);
        }

        return (steps * 10.0 * 2 * Vector512<float>.Count) + Vector512.Sum(a + b + c + d + e + f + g + h + i + j);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static double Narrow(int steps)
    {
        Vector256<float> x = Vector256<float>.Zero, a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x;
        for (var step = 0; step < steps; step++)
        {
            a = Vector256.FusedMultiplyAdd(x, x, a);
            b = Vector256.FusedMultiplyAdd(x, x, b);
            c = Vector256.FusedMultiplyAdd(x, x, c);
            d = Vector256.FusedMultiplyAdd(x, x, d);
            e = Vector256.FusedMultiplyAdd(x, x, e);
            f = Vector256.FusedMultiplyAdd(x, x, f);
            g = Vector256.FusedMultiplyAdd(x, x, g);
            h = Vector256.FusedMultiplyAdd(x, x, h);
            i = Vector256.FusedMultiplyAdd(x, x, i);
            j = Vector256.FusedMultiplyAdd(x, x, j);
        }

        return (steps * 10.0 * 2 * Vector256<float>.Count) + Vector256.Sum(a + b + c + d + e + f + g + h + i + j);
    }
}
