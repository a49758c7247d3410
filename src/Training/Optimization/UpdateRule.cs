using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CompressTool.Training.Optimization;

/// <summary>What an optimizer does to sixteen weights; a struct, so that the pass over the blocks is compiled around it.</summary>
internal interface IUpdateRule
{
    /// <summary>The new weights.</summary>
    /// <param name="weight">The weights.</param>
    /// <param name="gradient">Their gradients, after clipping.</param>
    /// <param name="first">The optimizer's first state of them, if it has one.</param>
    /// <param name="second">Its second state.</param>
    Vector512<float> Update(Vector512<float> weight, Vector512<float> gradient, ref Vector512<float> first, ref Vector512<float> second);
}

/// <summary>The blocks of an update. States and average may be absent.</summary>
internal unsafe struct UpdateBlocks
{
    public float* Weights;
    public float* Gradients;
    public float* First;
    public float* Second;
    public float* Average;

    /// <summary>Factor of the gradients, for clipping.</summary>
    public float GradientScale;

    /// <summary>How far the average moves to the new weights: one minus its decay.</summary>
    public float AverageRate;
}

/// <summary>
/// The one pass over memory that a training step makes after the gradients: reads each weight, gradient, state and average
/// once and writes them once. Bound by memory, not by arithmetic.
/// </summary>
internal static unsafe class FusedUpdate
{
    private static readonly Vector512<uint> s_bits = Vector512.Create(1u, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768);

    /// <summary>Updates all parameters.</summary>
    /// <param name="parameters">Their layout and masks.</param>
    /// <param name="decays">Which of them have weight decay, by slot.</param>
    /// <param name="blocks">The memory.</param>
    /// <param name="decaying">The rule with weight decay.</param>
    /// <param name="plain">The rule without.</param>
    /// <param name="threads">How many threads may work; 0 for one per processor.</param>
    public static void Run<TRule>(ParameterSet parameters, bool[] decays, UpdateBlocks blocks, TRule decaying, TRule plain, int threads)
        where TRule : struct, IUpdateRule =>
        BlockPass.Run(parameters.Layout, threads, (_, start, end) => BlockPass.Split(parameters.Layout, start, end, (slot, from, to) =>
        {
            var rule = decays[slot] ? decaying : plain;
            if (parameters.MaskAt(slot) is { } mask)
            {
                RunMasked(rule, blocks, from, to, mask.Words[(int)((from - parameters.Layout.Slots[slot].Offset) / ParameterLayout.Granularity)..]);
            }
            else
            {
                RunAll(rule, blocks, from, to);
            }
        }));

    /// <summary>All bits of the elements whose bit is set in a word of a mask.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Expand(ushort word) => Vector512.Equals(Vector512.Create((uint)word) & s_bits, s_bits).AsSingle();

    private static void RunAll<TRule>(TRule rule, UpdateBlocks blocks, long from, long to)
        where TRule : struct, IUpdateRule
    {
        var all = Vector512<float>.AllBitsSet;
        for (var i = from; i < to; i += Vector512<float>.Count)
        {
            Step(rule, blocks, i, all);
        }
    }

    private static void RunMasked<TRule>(TRule rule, UpdateBlocks blocks, long from, long to, ReadOnlySpan<ushort> words)
        where TRule : struct, IUpdateRule
    {
        var word = 0;
        for (var i = from; i < to; i += Vector512<float>.Count)
        {
            Step(rule, blocks, i, Expand(words[word++]));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TRule>(TRule rule, in UpdateBlocks blocks, long i, Vector512<float> mask)
        where TRule : struct, IUpdateRule
    {
        var first = blocks.First is null ? default : Vector512.LoadAligned(blocks.First + i);
        var second = blocks.Second is null ? default : Vector512.LoadAligned(blocks.Second + i);
        var gradient = (Vector512.LoadAligned(blocks.Gradients + i) * blocks.GradientScale) & mask;
        var weight = rule.Update(Vector512.LoadAligned(blocks.Weights + i), gradient, ref first, ref second) & mask;
        weight.StoreAligned(blocks.Weights + i);
        if (blocks.First is not null)
        {
            first.StoreAligned(blocks.First + i);
        }

        if (blocks.Second is not null)
        {
            second.StoreAligned(blocks.Second + i);
        }

        if (blocks.Average is not null)
        {
            var average = Vector512.LoadAligned(blocks.Average + i);
            average = Vector512.FusedMultiplyAdd(weight - average, Vector512.Create(blocks.AverageRate), average) & mask;
            average.StoreAligned(blocks.Average + i);
        }
    }
}
