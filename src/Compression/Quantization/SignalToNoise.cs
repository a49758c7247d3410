namespace CompressTool.Compression.Quantization;

/// <summary>The ratio of two sums of squares, that of numbers and that of their errors.</summary>
internal static class SignalToNoise
{
    /// <summary>Adds numbers to the two sums. What both sides agree on is no noise, infinities and what is no number included; where only one is finite there is nothing but noise.</summary>
    /// <param name="exact">The numbers.</param>
    /// <param name="noisy">The same with errors.</param>
    /// <param name="sums">The sums of squares so far.</param>
    /// <returns>The sums with these.</returns>
    public static (double Signal, double Noise) Add(ReadOnlySpan<float> exact, ReadOnlySpan<float> noisy, (double Signal, double Noise) sums)
    {
        for (var index = 0; index < exact.Length; index++)
        {
            sums.Signal += float.IsFinite(exact[index]) ? (double)exact[index] * exact[index] : 0;
            if (!exact[index].Equals(noisy[index]))
            {
                var error = (double)exact[index] - noisy[index];
                sums.Noise += double.IsNaN(error) ? double.PositiveInfinity : error * error;
            }
        }

        return sums;
    }

    /// <summary>In dB; infinite where there is no noise.</summary>
    public static double Db(double signal, double noise) => noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(signal / noise);

    /// <summary>In dB to two decimals, for reports; null where there is no noise.</summary>
    public static double? RoundedDb(double signal, double noise) => noise > 0 ? Math.Round(Db(signal, noise), 2) : null;
}
