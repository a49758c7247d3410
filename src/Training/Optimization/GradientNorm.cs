using System.Runtime.Intrinsics;

namespace CompressTool.Training.Optimization;

/// <summary>The size of all gradients together, and what follows from it.</summary>
public static unsafe class GradientNorm
{
    /// <summary>
    /// The root of the sum of squares of all gradients, summed in double precision in a fixed order: the same bits on any
    /// number of threads. Pruned weights do not count. Not finite if and only if a gradient is not.
    /// </summary>
    /// <param name="parameters">The gradients and masks.</param>
    /// <param name="threads">How many threads may work; 0 for one per processor.</param>
    public static double Compute(ParameterSet parameters, int threads = 0)
    {
        var sums = new double[BlockPass.ChunkCount(parameters.Layout)];
        var gradients = parameters.Gradients.Pointer;
        BlockPass.Run(parameters.Layout, threads, (chunk, start, end) => BlockPass.Split(parameters.Layout, start, end, (slot, from, to) =>
            sums[chunk] += parameters.MaskAt(slot) is { } mask
                ? SumOfSquares(gradients + from, to - from, mask.Words[(int)((from - parameters.Layout.Slots[slot].Offset) / ParameterLayout.Granularity)..])
                : SumOfSquares(gradients + from, to - from, default)));
        return Math.Sqrt(sums.Sum());
    }

    /// <summary>
    /// The factor of the gradients that limits their norm, as PyTorch's clip_grad_norm_: limit / (norm + 1e-6), and at most 1.
    /// </summary>
    /// <param name="norm">The norm.</param>
    /// <param name="limit">What it shall be at most; null for no limit.</param>
    public static double ClipFactor(double norm, double? limit) => limit is null ? 1 : Math.Min(1, limit.Value / (norm + 1e-6));

    /// <summary>The first gradient that is infinite or not a number; null when all are finite. Pruned weights do not count.</summary>
    /// <returns>The parameter, the place in it (row-major) and the value.</returns>
    public static (ParameterSlot Parameter, long Index, float Value)? FirstNonFinite(ParameterSet parameters)
    {
        for (var slot = 0; slot < parameters.Layout.Slots.Count; slot++)
        {
            var parameter = parameters.Layout.Slots[slot];
            var gradients = parameters.Gradients.Pointer + parameter.Offset;
            var mask = parameters.MaskAt(slot);
            for (long i = 0; i < parameter.Count; i++)
            {
                if (!float.IsFinite(gradients[i]) && mask?[i] != false)
                {
                    return (parameter, i, gradients[i]);
                }
            }
        }

        return null;
    }

    private static double SumOfSquares(float* elements, long count, ReadOnlySpan<ushort> mask)
    {
        // Sixteen sums whatever the processor's vectors, so that the result is the same everywhere.
        var (low, high) = (Vector512<double>.Zero, Vector512<double>.Zero);
        for (long i = 0; i < count; i += Vector512<float>.Count)
        {
            var values = Vector512.LoadAligned(elements + i);
            if (!mask.IsEmpty)
            {
                values &= FusedUpdate.Expand(mask[(int)(i / Vector512<float>.Count)]);
            }

            var (lower, upper) = Vector512.Widen(values);
            low += lower * lower;
            high += upper * upper;
        }

        return Vector512.Sum(low + high);
    }
}
