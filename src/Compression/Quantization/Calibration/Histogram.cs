using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>
/// How often numbers of each size came, in bins of one width around zero. The width is a power of two and doubles when a larger number comes,
/// by adding pairs of bins up in place: the memory stays what it is, and the counts depend neither on the order of the numbers nor on how
/// they were divided into batches.
/// </summary>
internal sealed class Histogram
{
    /// <summary>Bins on each side of zero.</summary>
    public const int Half = 2048;

    private const int SmallestExponent = -100;
    private readonly long[] _counts = new long[2 * Half];

    /// <summary>The exponent of the bound: all numbers are at most 2^exponent in magnitude.</summary>
    private int _exponent = SmallestExponent;

    /// <summary>An empty histogram.</summary>
    public Histogram()
    {
    }

    /// <summary>A histogram as it was written.</summary>
    /// <param name="counts">The counts.</param>
    /// <param name="exponent">The exponent of the bound.</param>
    public Histogram(ReadOnlySpan<long> counts, int exponent)
    {
        counts.CopyTo(_counts);
        _exponent = exponent;
    }

    /// <summary>The counts; bin i holds the numbers from (i - <see cref="Half"/>) widths to one width more.</summary>
    public ReadOnlySpan<long> Counts => _counts;

    /// <summary>The exponent of the bound.</summary>
    public int Exponent => _exponent;

    /// <summary>The width of a bin.</summary>
    public double Width => Math.ScaleB(1, _exponent) / Half;

    /// <summary>The middle of a bin.</summary>
    public double Centre(int bin) => (bin - Half + 0.5) * Width;

    /// <summary>Counts finite numbers.</summary>
    /// <param name="numbers">The numbers.</param>
    /// <param name="largest">A bound of their magnitudes.</param>
    public void Add(ReadOnlySpan<float> numbers, float largest)
    {
        Grow(largest);
        var scale = Vector256.Create((float)(1 / Width));
        var (first, last, middle) = (Vector256<int>.Zero, Vector256.Create((2 * Half) - 1), Vector256.Create(Half));
        Span<int> bins = stackalloc int[Vector256<int>.Count];
        var index = 0;
        for (; index <= numbers.Length - bins.Length; index += bins.Length)
        {
            var bin = Vector256.ConvertToInt32Native(Vector256.Floor(Vector256.Create(numbers[index..]) * scale)) + middle;
            Vector256.Min(Vector256.Max(bin, first), last).CopyTo(bins);
            foreach (var place in bins)
            {
                _counts[place]++;
            }
        }

        for (; index < numbers.Length; index++)
        {
            _counts[Math.Clamp((int)MathF.Floor(numbers[index] * scale[0]) + Half, 0, (2 * Half) - 1)]++;
        }
    }

    private void Grow(float largest)
    {
        while (largest > Math.ScaleB(1, _exponent))
        {
            _exponent++;
            for (var bin = 0; bin < Half / 2; bin++)
            {
                // From the middle outwards, so that no bin is overwritten before it is read.
                _counts[Half + bin] = _counts[Half + (2 * bin)] + _counts[Half + (2 * bin) + 1];
                _counts[Half - 1 - bin] = _counts[Half - 1 - (2 * bin)] + _counts[Half - 2 - (2 * bin)];
            }

            _counts.AsSpan(0, Half / 2).Clear();
            _counts.AsSpan(Half + (Half / 2)).Clear();
        }
    }
}
