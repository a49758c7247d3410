namespace CompressTool.Compression.Quantization.Float16;

/// <summary>
/// What float16 would do to the numbers that a value had while the model ran. Numbers that are infinite anyway do not count, nor do those of
/// masks, which stand for minus infinity: as -65504, to which the constants of masks are clamped, they do the same.
/// </summary>
internal sealed class RoundingStatistics
{
    /// <summary>Masks are this low or lower: -1e9, or the lowest float32. What a model computes passes 65504 long before it comes here.</summary>
    private const float HighestMask = -1e9f;

    private double _signal;
    private double _storing;
    private double _computing;

    /// <summary>The largest magnitude.</summary>
    public float Largest { get; private set; }

    /// <summary>Signal-to-noise ratio in dB of the numbers rounded to float16; infinite when nothing is lost, minus infinite when one becomes infinite.</summary>
    public double StoredDb => SignalToNoise.Db(_signal, _storing);

    /// <summary>Signal-to-noise ratio in dB of what the node computes from rounded inputs; infinite when that was not looked at.</summary>
    public double ComputedDb => SignalToNoise.Db(_signal, _computing);

    /// <summary>Looks at more numbers.</summary>
    /// <param name="exact">The numbers.</param>
    /// <param name="computed">What they are when the inputs of the node are rounded; empty when not looked at.</param>
    public void Add(ReadOnlySpan<float> exact, ReadOnlySpan<float> computed)
    {
        for (var index = 0; index < exact.Length; index++)
        {
            var number = exact[index];
            if (!float.IsFinite(number) || number <= HighestMask)
            {
                continue;
            }

            Largest = Math.Max(Largest, Math.Abs(number));
            _signal += (double)number * number;
            _storing += Square(number - (double)(Half)number);
            _computing += computed.IsEmpty ? 0 : Square(number - (double)computed[index]);
        }
    }

    /// <summary>A square; infinite for what is not a number.</summary>
    private static double Square(double error) => double.IsNaN(error) ? double.PositiveInfinity : error * error;
}
