namespace CompressTool.Compression.Quantization;

/// <summary>The integers that a quantized tensor may use.</summary>
/// <param name="Low">Smallest integer of the type; what does not fit is clipped to it.</param>
/// <param name="High">Largest integer of the type.</param>
/// <param name="RangeLow">Smallest integer that the real range is spread over.</param>
/// <param name="RangeHigh">Largest integer that the real range is spread over.</param>
/// <param name="IsSymmetric">Whether real zero is the middle of the range.</param>
internal sealed record IntegerRange(int Low, int High, int RangeLow, int RangeHigh, bool IsSymmetric)
{
    /// <summary>Signed weights around zero: -127..127, or -64..64 in 7 bits.</summary>
    public static IntegerRange Signed(bool reduced) => reduced ? new(-128, 127, -64, 64, IsSymmetric: true) : new(-128, 127, -127, 127, IsSymmetric: true);

    /// <summary>Unsigned weights with a zero point: 0..255, or 0..127 in 7 bits.</summary>
    public static IntegerRange Unsigned(bool reduced) => new(0, 255, 0, reduced ? 127 : 255, IsSymmetric: false);
}

/// <summary>How integers stand for real numbers: x = (q - zero point) * scale.</summary>
/// <param name="Scale">The scale.</param>
/// <param name="ZeroPoint">The integer that stands for 0.</param>
internal readonly record struct AffineParameters(float Scale, int ZeroPoint)
{
    private const double SmallestNormal = 1.17549435082228751e-38; // 2^-126

    /// <summary>
    /// Spreads a range of real numbers, extended to contain zero, over a range of integers. Computed in float64 and rounded
    /// once; the zero point to nearest, ties to even.
    /// </summary>
    /// <param name="smallest">The smallest number.</param>
    /// <param name="largest">The largest number.</param>
    /// <param name="range">The integers.</param>
    public static AffineParameters Spread(float smallest, float largest, IntegerRange range)
    {
        var (low, high) = ((double)Math.Min(smallest, 0), (double)Math.Max(largest, 0));
        if (range.IsSymmetric)
        {
            high = Math.Max(-low, high);
            low = -high;
        }

        var scale = (high - low) / (range.RangeHigh - range.RangeLow);
        if (scale < SmallestNormal)
        {
            return new AffineParameters(1, 0);
        }

        var zeroPoint = range.IsSymmetric ? (range.RangeLow + range.RangeHigh) / 2.0 : range.RangeLow - (low / scale);
        return new AffineParameters((float)scale, (int)Math.Round(zeroPoint, MidpointRounding.ToEven));
    }
}
