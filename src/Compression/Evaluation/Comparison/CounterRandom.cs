using System.Text;

namespace CompressTool.Compression.Evaluation;

/// <summary>
/// Random numbers by position: the n-th number of a key is a hash of both, so that every number can be drawn alone and is
/// the same whoever draws it. SplitMix64 (Steele et al. 2014) as the hash.
/// </summary>
/// <param name="key">Which sequence.</param>
internal readonly struct CounterRandom(ulong key)
{
    private const ulong Golden = 0x9E37_79B9_7F4A_7C15;

    /// <summary>Another sequence for a number.</summary>
    public CounterRandom For(long number) => new(Mix(key ^ Mix((ulong)number + Golden)));

    /// <summary>Another sequence for a name.</summary>
    public CounterRandom For(string name)
    {
        var hash = 0xCBF2_9CE4_8422_2325; // FNV-1a
        foreach (var character in Encoding.UTF8.GetBytes(name))
        {
            hash = (hash ^ character) * 0x0000_0100_0000_01B3;
        }

        return For((long)hash);
    }

    /// <summary>A number at least 0 and below 1.</summary>
    public double Uniform(long index) => (Bits(index) >> 11) * (1.0 / (1L << 53));

    /// <summary>A whole number at least 0 and below a bound.</summary>
    public long Below(long index, long bound) => (long)Math.BigMul(Bits(index), (ulong)bound, out _);

    /// <summary>A number from the normal distribution of mean 0 and variance 1, by the Box-Muller transform.</summary>
    public double Normal(long index) =>
        Math.Sqrt(-2 * Math.Log(1 - Uniform(2 * index))) * Math.Cos(2 * Math.PI * Uniform((2 * index) + 1));

    private static ulong Mix(ulong bits)
    {
        bits = (bits ^ (bits >> 30)) * 0xBF58_476D_1CE4_E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D0_49BB_1331_11EB;
        return bits ^ (bits >> 31);
    }

    private ulong Bits(long index) => Mix(key + ((ulong)(index + 1) * Golden));
}
