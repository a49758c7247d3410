using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CompressTool.Training.RandomNumbers;

/// <summary>
/// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a bijection of a
/// 128-bit counter under a 64-bit key whose results pass all tests for randomness. Numbers are a function of their place
/// and need no state.
/// </summary>
public static class Philox
{
    /// <summary>Blocks that <see cref="Blocks"/> computes at once.</summary>
    internal const int Width = 8;

    private const int Rounds = 10;
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    /// <summary>The four random words of a counter.</summary>
    /// <param name="counter">The counter, the lowest word first.</param>
    /// <param name="key">The key, its first word in the low half.</param>
    public static (uint X0, uint X1, uint X2, uint X3) Block((uint X0, uint X1, uint X2, uint X3) counter, ulong key)
    {
        var (x0, x1, x2, x3) = counter;
        var (key0, key1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = (ulong)Multiplier0 * x0;
            var product1 = (ulong)Multiplier1 * x2;
            (x0, x1, x2, x3) = ((uint)(product1 >> 32) ^ x1 ^ key0, (uint)product1, (uint)(product0 >> 32) ^ x3 ^ key1, (uint)product0);
            key0 += Weyl0;
            key1 += Weyl1;
        }

        return (x0, x1, x2, x3);
    }

    /// <summary>The words of eight counters that differ in their lowest word, which counts up from the given one; one word in each 64-bit lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (Vector512<ulong> X0, Vector512<ulong> X1, Vector512<ulong> X2, Vector512<ulong> X3) Blocks((uint X0, uint X1, uint X2, uint X3) counter, ulong key)
    {
        var low = Vector512.Create(0xFFFFFFFFul);
        var x0 = (Vector512.Create((ulong)counter.X0) + Vector512.Create(0ul, 1, 2, 3, 4, 5, 6, 7)) & low;
        var x1 = Vector512.Create((ulong)counter.X1);
        var x2 = Vector512.Create((ulong)counter.X2);
        var x3 = Vector512.Create((ulong)counter.X3);
        var (key0, key1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = x0 * Vector512.Create((ulong)Multiplier0);
            var product1 = x2 * Vector512.Create((ulong)Multiplier1);
            x0 = (product1 >> 32) ^ x1 ^ Vector512.Create((ulong)key0);
            x1 = product1 & low;
            x2 = (product0 >> 32) ^ x3 ^ Vector512.Create((ulong)key1);
            x3 = product0 & low;
            key0 += Weyl0;
            key1 += Weyl1;
        }

        return (x0, x1, x2, x3);
    }
}
