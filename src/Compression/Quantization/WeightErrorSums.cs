using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Quantization;

/// <summary>
/// Sums over the weights of a layer that tell how far quantization moved them. They are kept in lanes of fixed number and
/// added up in fixed order, so that reports depend neither on the machine nor on the number of threads.
/// </summary>
internal struct WeightErrorSums
{
    private Vector512<double> _signal;
    private Vector512<double> _noise;
    private Vector256<float> _worst;

    /// <summary>The largest absolute error.</summary>
    public readonly double MaxAbsError => Lanes.Max(_worst);

    /// <summary>True when weights and errors are all finite numbers.</summary>
    public readonly bool IsFinite => double.IsFinite(Sum(_signal)) && double.IsFinite(Sum(_noise));

    /// <summary>Signal-to-noise ratio of the weights in dB, to two decimals; null when there is no error at all.</summary>
    public readonly double? SnrDb => Sum(_noise) is var noise and > 0 ? Math.Round(10 * Math.Log10(Sum(_signal) / noise), 2) : null;

    /// <summary>Adds sums over some weights, lane by lane.</summary>
    /// <param name="signal">Squared weights.</param>
    /// <param name="noise">Squared errors.</param>
    /// <param name="worst">Largest absolute errors.</param>
    public void Add(Vector256<float> signal, Vector256<float> noise, Vector256<float> worst)
    {
        _signal += Widen(signal);
        _noise += Widen(noise);
        _worst = Vector256.MaxNative(_worst, worst);
    }

    /// <summary>Adds the sums of another part.</summary>
    public void Add(in WeightErrorSums other)
    {
        _signal += other._signal;
        _noise += other._noise;
        _worst = Vector256.MaxNative(_worst, other._worst);
    }

    private static Vector512<double> Widen(Vector256<float> vector)
    {
        var (lower, upper) = Vector256.Widen(vector);
        return Vector512.Create(lower, upper);
    }

    private static double Sum(Vector512<double> vector)
    {
        var sum = 0.0;
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
        {
            sum += vector[lane];
        }

        return sum;
    }
}
