namespace CompressTool.Compression.Quantization;

/// <summary>The ratio of two sums of squares, that of numbers and that of their errors.</summary>
internal static class SignalToNoise
{
    /// <summary>In dB; infinite where there is no noise.</summary>
    public static double Db(double signal, double noise) => noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(signal / noise);

    /// <summary>In dB to two decimals, for reports; null where there is no noise.</summary>
    public static double? RoundedDb(double signal, double noise) => noise > 0 ? Math.Round(Db(signal, noise), 2) : null;
}
