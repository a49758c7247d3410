namespace CompressTool.Training.RandomNumbers;

/// <summary>
/// A stream of random numbers: a place in a sequence of 2^34 words (<see cref="Philox"/>). The same stream gives the same
/// bits on every processor and system. Not for use on several threads at once.
/// </summary>
public sealed class RandomStream
{
    private const int WordsPerBlock = 4;
    private const int BufferLength = Philox.Width * WordsPerBlock;

    private readonly ulong _key;
    private readonly uint _counter1, _counter2, _counter3;
    private readonly uint[] _block = new uint[WordsPerBlock];
    private ulong _nextBlock;
    private int _used = WordsPerBlock;

    internal RandomStream(ulong key, uint counter1, uint counter2, uint counter3) =>
        (_key, _counter1, _counter2, _counter3) = (key, counter1, counter2, counter3);

    /// <summary>A number of 32 random bits.</summary>
    public uint NextUInt32()
    {
        if (_used == WordsPerBlock)
        {
            (_block[0], _block[1], _block[2], _block[3]) = Philox.Block(Counter(1), _key);
            _used = 0;
        }

        return _block[_used++];
    }

    /// <summary>A number of 64 random bits.</summary>
    public ulong NextUInt64() => NextUInt32() | ((ulong)NextUInt32() << 32);

    /// <summary>A multiple of 2^-24 from 0 to less than 1.</summary>
    public float NextSingle() => ToSingle(NextUInt32());

    /// <summary>A multiple of 2^-53 from 0 to less than 1.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1ul << 53));

    /// <summary>A whole number from 0 to less than a bound, all equally likely (Lemire 2019, algorithm 5).</summary>
    /// <param name="bound">More than 0.</param>
    public long NextInt64(long bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        var high = Math.BigMul(NextUInt64(), (ulong)bound, out var low);
        if (low < (ulong)bound)
        {
            var threshold = (0 - (ulong)bound) % (ulong)bound;
            while (low < threshold)
            {
                high = Math.BigMul(NextUInt64(), (ulong)bound, out low);
            }
        }

        return (long)high;
    }

    /// <summary>Fills with multiples of 2^-24 from 0 to less than 1. Starts at a block of its own, as all fills do: what was left of the last one is skipped.</summary>
    public void FillUniform(Span<float> destination)
    {
        _used = WordsPerBlock;
        while (!destination.IsEmpty)
        {
            var words = Philox.Block(Counter(1), _key);
            Span<float> values = [ToSingle(words.X0), ToSingle(words.X1), ToSingle(words.X2), ToSingle(words.X3)];
            var count = Math.Min(WordsPerBlock, destination.Length);
            values[..count].CopyTo(destination);
            destination = destination[count..];
        }
    }

    /// <summary>
    /// Fills with numbers of the standard normal distribution (Box and Muller 1958), two for two words. A fill of n numbers
    /// begins with the same ones as a longer fill from the same place.
    /// </summary>
    public void FillNormal(Span<float> destination)
    {
        _used = WordsPerBlock;
        Span<float> buffer = stackalloc float[BufferLength];
        while (!destination.IsEmpty)
        {
            // A vector of blocks is computed even where the end needs fewer; only the needed ones are used up.
            var count = Math.Min(BufferLength, destination.Length);
            var blocks = (count + WordsPerBlock - 1) / WordsPerBlock;
            var words = Philox.Blocks(Counter(blocks), _key);
            NormalDistribution.Pairs(words.X0, words.X1, out var first, out var second);
            NormalDistribution.Pairs(words.X2, words.X3, out var third, out var fourth);
            for (var block = 0; block < blocks; block++)
            {
                var place = block * WordsPerBlock;
                buffer[place] = (float)first[block];
                buffer[place + 1] = (float)second[block];
                buffer[place + 2] = (float)third[block];
                buffer[place + 3] = (float)fourth[block];
            }

            buffer[..count].CopyTo(destination);
            destination = destination[count..];
        }
    }

    private static float ToSingle(uint word) => (word >> 8) * (1f / (1 << 24));

    /// <summary>The counter of the next block, of which a number are used up.</summary>
    private (uint X0, uint X1, uint X2, uint X3) Counter(int blocks)
    {
        var block = _nextBlock;
        _nextBlock += (uint)blocks;
        return _nextBlock <= 1ul << 32 ? ((uint)block, _counter1, _counter2, _counter3)
            : throw new InvalidOperationException("A random stream has no more than 2^34 words.");
    }
}
