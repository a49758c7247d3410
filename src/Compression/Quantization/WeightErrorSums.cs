using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Quantization;

/// <summary>
/// Sums over the weights of a layer that tell how far quantization moved them. They are kept in lanes of fixed number and
/// added up in fixed order, so that reports depend neither on the machine nor on the number of threads.
/// </summary>
internal struct WeightErrorSums
{
    private Vector256<double> _lowerSignal;
    private Vector256<double> _upperSignal;
    private Vector256<double> _lowerNoise;
    private Vector256<double> _upperNoise;
    private Vector256<float> _worst;

    /// <summary>The largest absolute error.</summary>
    public readonly double MaxAbsError => Lanes.Max(_worst);

    /// <summary>True when weights and errors are all finite numbers.</summary>
    public readonly bool IsFinite => double.IsFinite(Signal) && double.IsFinite(Noise);

    /// <summary>Signal-to-noise ratio of the weights in dB, to two decimals; null when there is no error at all.</summary>
    public readonly double? SnrDb => SignalToNoise.RoundedDb(Signal, Noise);

    private readonly double Signal => Sum(_lowerSignal, _upperSignal);

    private readonly double Noise => Sum(_lowerNoise, _upperNoise);

    /// <summary>The sums of all parts.</summary>
    public static WeightErrorSums Total(ReadOnlySpan<WeightErrorSums> parts)
    {
        var total = default(WeightErrorSums);
        foreach (ref readonly var part in parts)
        {
            total._lowerSignal += part._lowerSignal;
            total._upperSignal += part._upperSignal;
            total._lowerNoise += part._lowerNoise;
            total._upperNoise += part._upperNoise;
            total._worst = Vector256.MaxNative(total._worst, part._worst);
        }

        return total;
    }

    /// <summary>Adds sums over some weights, lane by lane.</summary>
    /// <param name="signal">Squared weights.</param>
    /// <param name="noise">Squared errors.</param>
    /// <param name="worst">Largest absolute errors.</param>
    public void Add(Vector256<float> signal, Vector256<float> noise, Vector256<float> worst)
    {
        _lowerSignal += Vector256.WidenLower(signal);
        _upperSignal += Vector256.WidenUpper(signal);
        _lowerNoise += Vector256.WidenLower(noise);
        _upperNoise += Vector256.WidenUpper(noise);
        _worst = Vector256.MaxNative(_worst, worst);
    }

    /// <summary>Adds the error of some weights.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="changed">What takes their place.</param>
    public void Add(ReadOnlySpan<float> weights, ReadOnlySpan<float> changed)
    {
        Span<float> weight = stackalloc float[Vector256<float>.Count];
        Span<float> other = stackalloc float[Vector256<float>.Count];
        for (var start = 0; start < weights.Length; start += Vector256<float>.Count)
        {
            var count = Math.Min(Vector256<float>.Count, weights.Length - start);
            weight.Clear();
            other.Clear();
            weights.Slice(start, count).CopyTo(weight);
            changed.Slice(start, count).CopyTo(other);
            var exact = Vector256.Create<float>(weight);
            var error = exact - Vector256.Create<float>(other);
            Add(exact * exact, error * error, Vector256.Abs(error));
        }
    }

    private static double Sum(Vector256<double> lower, Vector256<double> upper) =>
        lower[0] + lower[1] + lower[2] + lower[3] + upper[0] + upper[1] + upper[2] + upper[3];
}
