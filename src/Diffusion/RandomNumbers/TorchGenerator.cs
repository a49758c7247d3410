namespace CompressTool.Diffusion.RandomNumbers;

/// <summary>
/// The random numbers of PyTorch on the CPU: what <c>torch.rand</c> and <c>torch.randn</c> give after
/// <c>torch.manual_seed</c>, so that a seed gives the picture that PyTorch users get. Normal numbers agree to the last bits
/// only: PyTorch's own depend on the processor's vectors there. Not for use on several threads at once.
/// </summary>
public sealed class TorchGenerator : INoiseSource
{
    /// <summary>From so many numbers on, PyTorch transforms blocks of this size.</summary>
    private const int Block = 16;

    private readonly MersenneTwister _words;
    private double? _spare;

    /// <summary>The numbers of a seed.</summary>
    /// <param name="seed">As for <c>torch.manual_seed</c>, which uses the lower 32 bits.</param>
    public TorchGenerator(long seed) => _words = new MersenneTwister((uint)seed);

    /// <summary>The next 32 random bits.</summary>
    public uint NextUInt32() => _words.Next();

    /// <summary>The next number from 0 to less than 1, a multiple of 2^-24, as <c>torch.rand</c> in float32.</summary>
    public float NextSingle() => (_words.Next() & 0xFFFFFF) * (1f / (1 << 24));

    /// <summary>The next number from 0 to less than 1, a multiple of 2^-53, as <c>torch.rand</c> in float64.</summary>
    public double NextDouble()
    {
        var high = (ulong)_words.Next() << 32;
        return ((high | _words.Next()) & ((1ul << 53) - 1)) * (1.0 / (1ul << 53));
    }

    /// <summary>Fills with uniform numbers, as <c>torch.rand(n)</c>.</summary>
    public void FillUniform(Span<float> destination)
    {
        foreach (ref var value in destination)
        {
            value = NextSingle();
        }
    }

    /// <summary>Fills with normal numbers, as <c>torch.randn(n)</c>. One fill of n numbers is not the same as two that make n together.</summary>
    public void FillNormal(Span<float> destination)
    {
        if (destination.Length < Block)
        {
            foreach (ref var value in destination)
            {
                value = (float)NextNormal();
            }

            return;
        }

        FillUniform(destination);
        for (var start = 0; start <= destination.Length - Block; start += Block)
        {
            Transform(destination.Slice(start, Block));
        }

        if (destination.Length % Block != 0)
        {
            // The end gets a block of its own, drawn anew, over what the last whole block left there.
            FillUniform(destination[^Block..]);
            Transform(destination[^Block..]);
        }
    }

    /// <summary>Fills with normal numbers, as <c>torch.randn(n, dtype=torch.float64)</c>.</summary>
    public void FillNormal(Span<double> destination)
    {
        if (destination.Length < Block)
        {
            foreach (ref var value in destination)
            {
                value = NextNormal();
            }

            return;
        }

        FillUniform(destination);
        for (var start = 0; start <= destination.Length - Block; start += Block)
        {
            Transform(destination.Slice(start, Block));
        }

        if (destination.Length % Block != 0)
        {
            FillUniform(destination[^Block..]);
            Transform(destination[^Block..]);
        }
    }

    private void FillUniform(Span<double> destination)
    {
        foreach (ref var value in destination)
        {
            value = NextDouble();
        }
    }

    /// <summary>Uniform numbers into normal ones (Box and Muller 1958): the first half are radii, the second half angles.</summary>
    private static void Transform(Span<float> block)
    {
        for (var i = 0; i < Block / 2; i++)
        {
            var (first, second) = Pair(block[i], block[i + (Block / 2)]);
            (block[i], block[i + (Block / 2)]) = ((float)first, (float)second);
        }
    }

    private static void Transform(Span<double> block)
    {
        for (var i = 0; i < Block / 2; i++)
        {
            (block[i], block[i + (Block / 2)]) = Pair(block[i], block[i + (Block / 2)]);
        }
    }

    private static (double First, double Second) Pair(double radius, double angle)
    {
        var length = Math.Sqrt(-2 * Math.Log(1 - radius));
        var (sin, cos) = Math.SinCos(2 * Math.PI * angle);
        return (length * cos, length * sin);
    }

    /// <summary>The path of short fills: always two numbers at a time, in double precision, the angle drawn first; the second is kept for later.</summary>
    private double NextNormal()
    {
        if (_spare is { } spare)
        {
            _spare = null;
            return spare;
        }

        var angle = NextDouble();
        var (first, second) = Pair(NextDouble(), angle);
        _spare = second;
        return first;
    }
}
