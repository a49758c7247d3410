using System.Text;

namespace CompressTool.Training.RandomNumbers;

/// <summary>
/// Random streams for one purpose of a training. A stream is named by seed, purpose, step and sample, and its numbers depend
/// on nothing else: not on the order in which streams are used, the split of a batch, the threads, or what ran before.
/// </summary>
public sealed class RandomSource
{
    /// <summary>How many steps, and how many samples, there are streams for.</summary>
    private const long Limit = 1L << 48;

    private readonly ulong _key;

    /// <summary>The streams of a purpose.</summary>
    /// <param name="seed">The training's seed.</param>
    /// <param name="purpose">What the numbers are for, e.g. <c>noise</c>: different purposes get unrelated numbers.</param>
    public RandomSource(ulong seed, string purpose)
    {
        Seed = seed;
        Purpose = purpose;

        // FNV-1a of the purpose; Mix spreads both over the key, so that neighbouring seeds give unrelated keys.
        var hash = 0xCBF29CE484222325ul;
        foreach (var character in Encoding.UTF8.GetBytes(purpose))
        {
            hash = (hash ^ character) * 0x100000001B3;
        }

        _key = Mix(Mix(seed) ^ hash);
    }

    /// <summary>The training's seed.</summary>
    public ulong Seed { get; }

    /// <summary>What the numbers are for.</summary>
    public string Purpose { get; }

    /// <summary>The stream of a sample of a step, at its start.</summary>
    /// <param name="step">The step (or epoch), from 0 to less than 2^48.</param>
    /// <param name="sample">The sample's place in the whole batch of the step, from 0 to less than 2^48.</param>
    public RandomStream Stream(long step = 0, long sample = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegative(sample);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, Limit);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sample, Limit);
        return new RandomStream(_key, (uint)sample, (uint)step, (uint)((step >> 32 << 16) | (sample >> 32)));
    }

    /// <summary>The finalizer of SplitMix64 (Steele, Lea and Flood 2014).</summary>
    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
