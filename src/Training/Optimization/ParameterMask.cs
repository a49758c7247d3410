using CompressTool.Runtime.Engine;

namespace CompressTool.Training.Optimization;

/// <summary>
/// Which weights of a parameter exist; pruned ones stay zero while the others are trained. One bit a weight, so that the
/// mask of a model costs a 32nd of its weights.
/// </summary>
public sealed class ParameterMask
{
    private readonly ushort[] _words;

    /// <summary>A mask of a number of weights, all kept.</summary>
    public ParameterMask(long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        Count = count;
        _words = new ushort[ParameterLayout.RoundUp(count) / ParameterLayout.Granularity];
        Array.Fill(_words, ushort.MaxValue);
    }

    /// <summary>Number of weights.</summary>
    public long Count { get; }

    /// <summary>Number of weights kept.</summary>
    public long Kept
    {
        get
        {
            long kept = 0;
            for (long i = 0; i < Count; i++)
            {
                kept += this[i] ? 1 : 0;
            }

            return kept;
        }
    }

    /// <summary>One bit for each element of the parameter's room in a block, the lowest bit first.</summary>
    internal ReadOnlySpan<ushort> Words => _words;

    /// <summary>Whether a weight is kept.</summary>
    /// <param name="index">Its place in the parameter, row-major.</param>
    public bool this[long index]
    {
        get
        {
            CheckIndex(index);
            return (_words[index / ParameterLayout.Granularity] >> (int)(index % ParameterLayout.Granularity) & 1) != 0;
        }
        set
        {
            CheckIndex(index);
            var bit = (ushort)(1 << (int)(index % ParameterLayout.Granularity));
            ref var word = ref _words[index / ParameterLayout.Granularity];
            word = (ushort)(value ? word | bit : word & ~bit);
        }
    }

    /// <summary>The mask that keeps what is not zero: freezes the sparsity that a parameter has.</summary>
    /// <param name="weights">A float32 array.</param>
    public static unsafe ParameterMask FromNonZeros(NativeArray weights)
    {
        var mask = new ParameterMask(weights.Count);
        var elements = (float*)weights.Pointer;
        for (long i = 0; i < weights.Count; i++)
        {
            if (elements[i] == 0)
            {
                mask[i] = false;
            }
        }

        return mask;
    }

    private void CheckIndex(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
    }
}
