namespace CompressTool.Diffusion.RandomNumbers;

/// <summary>The generator MT19937 (Matsumoto and Nishimura 1998), started as PyTorch starts it: from a single word.</summary>
internal sealed class MersenneTwister
{
    private const int Words = 624, Middle = 397;

    private readonly uint[] _state = new uint[Words];
    private int _used = Words;

    /// <summary>Starts the sequence of a seed.</summary>
    public MersenneTwister(uint seed)
    {
        _state[0] = seed;
        for (var i = 1; i < Words; i++)
        {
            _state[i] = (1812433253 * (_state[i - 1] ^ (_state[i - 1] >> 30))) + (uint)i;
        }
    }

    /// <summary>The next 32 bits.</summary>
    public uint Next()
    {
        if (_used == Words)
        {
            Twist();
        }

        var word = _state[_used++];
        word ^= word >> 11;
        word ^= (word << 7) & 0x9D2C5680;
        word ^= (word << 15) & 0xEFC60000;
        return word ^ (word >> 18);
    }

    private void Twist()
    {
        for (var i = 0; i < Words; i++)
        {
            var mixed = (_state[i] & 0x80000000) | (_state[(i + 1) % Words] & 0x7FFFFFFF);
            _state[i] = _state[(i + Middle) % Words] ^ (mixed >> 1) ^ ((mixed & 1) * 0x9908B0DF);
        }

        _used = 0;
    }
}
