using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation;

/// <summary>How far an output of a model is from that of another, over all inputs that both were run on.</summary>
public sealed class OutputDifference
{
    /// <summary>
    /// The largest PSNR told, in dB: an error of 2^-24 of the peak, where float32 ends. Equal outputs have it, too.
    /// </summary>
    public const double MaxPsnr = 144.49439791871097;

    private double _squares;
    private double _low = double.PositiveInfinity;
    private double _high = double.NegativeInfinity;

    internal OutputDifference(string name)
    {
        Name = name;
    }

    /// <summary>The output's name.</summary>
    public string Name { get; }

    /// <summary>How many elements were compared.</summary>
    public long Count { get; private set; }

    /// <summary>Elements that are infinite or NaN in one model only (or infinite with another sign).</summary>
    public long NonFinite { get; private set; }

    /// <summary>Largest absolute difference; infinite when <see cref="NonFinite"/> is not 0.</summary>
    public double MaxAbsError { get; private set; }

    /// <summary>Mean of the squared differences; infinite when <see cref="NonFinite"/> is not 0.</summary>
    public double MeanSquaredError => NonFinite > 0 ? double.PositiveInfinity : Count == 0 ? 0 : _squares / Count;

    /// <summary>
    /// Peak signal-to-noise ratio in dB: 20 log10(peak / root mean squared error), where the peak is the largest minus the
    /// smallest element of the reference (its magnitude when it is constant). At most <see cref="MaxPsnr"/>.
    /// </summary>
    public double Psnr
    {
        get
        {
            var peak = _high > _low ? _high - _low : Math.Abs(_high) is > 0 and < double.PositiveInfinity and var constant ? constant : 1;
            return MeanSquaredError == 0 ? MaxPsnr : Math.Min(MaxPsnr, 20 * Math.Log10(peak / Math.Sqrt(MeanSquaredError)));
        }
    }

    /// <summary>Takes one more result into account.</summary>
    /// <exception cref="CompressToolException">The shapes differ.</exception>
    internal void Add(NdArray reference, NdArray other)
    {
        if (!reference.Dims.SequenceEqual(other.Dims))
        {
            throw new CompressToolException(CompressionErrors.UnsuitableModel, $"the output '{Name}' is {other} instead of {reference}; models can only be compared when their outputs have the same shapes");
        }

        var (expected, actual) = (NumberArrays.ToDoubles(reference), NumberArrays.ToDoubles(other));
        Count += expected.Length;
        for (var index = 0; index < expected.Length; index++)
        {
            var (x, y) = (expected[index], actual[index]);
            if (double.IsFinite(x))
            {
                (_low, _high) = (Math.Min(_low, x), Math.Max(_high, x));
            }

            if (double.IsFinite(x) && double.IsFinite(y))
            {
                var difference = Math.Abs(x - y);
                MaxAbsError = Math.Max(MaxAbsError, difference);
                _squares += difference * difference;
            }
            else if (!x.Equals(y))
            {
                NonFinite++;
                MaxAbsError = double.PositiveInfinity;
            }
        }
    }
}
