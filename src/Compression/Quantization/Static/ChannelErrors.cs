namespace CompressTool.Compression.Quantization.Static;

/// <summary>What quantization does to each channel of a node's result, gathered in float64 while the model runs: its mean, and noise around it.</summary>
internal sealed class ChannelErrors
{
    private double[] _sums = [];
    private double[] _squares = [];
    private long _count; // Of each channel.

    /// <summary>Sum of the squares of the exact results.</summary>
    public double Signal { get; private set; }

    /// <summary>Sum of the squared errors.</summary>
    public double Noise => _squares.Sum();

    /// <summary>Adds results.</summary>
    /// <param name="exact">[outer, channels, inner].</param>
    /// <param name="noisy">The same, with quantization.</param>
    /// <param name="channels">Number of channels; the same each time.</param>
    /// <param name="inner">Numbers of a channel that lie side by side.</param>
    public void Add(ReadOnlySpan<float> exact, ReadOnlySpan<float> noisy, int channels, int inner)
    {
        if (_sums.Length == 0)
        {
            (_sums, _squares) = (new double[channels], new double[channels]);
        }

        ArgumentOutOfRangeException.ThrowIfNotEqual(channels, _sums.Length);
        _count += exact.Length / channels;
        for (var (place, channel) = (0, 0); place < exact.Length; channel = channel + 1 == channels ? 0 : channel + 1)
        {
            var (signal, sum, square) = (0.0, 0.0, 0.0);
            for (var end = place + inner; place < end; place++)
            {
                var error = (double)noisy[place] - exact[place];
                signal += (double)exact[place] * exact[place];
                sum += error;
                square += error * error;
            }

            Signal += signal;
            _sums[channel] += sum;
            _squares[channel] += square;
        }
    }

    /// <summary>
    /// The mean error of each channel, made smaller by what chance may have in it (the estimate of James and Stein, kept from changing signs):
    /// what stays within the noise of as many numbers as there were is no shift.
    /// </summary>
    public double[] Shifts()
    {
        var shifts = new double[_sums.Length];
        for (var channel = 0; channel < shifts.Length; channel++)
        {
            var mean = _count > 0 ? _sums[channel] / _count : 0;
            var chance = _count > 1 ? ((_squares[channel] / _count) - (mean * mean)) / (_count - 1) : double.PositiveInfinity;
            shifts[channel] = mean != 0 ? mean * Math.Max(0, 1 - (chance / (mean * mean))) : 0;
        }

        return shifts;
    }

    /// <summary>Sum of the squared errors when the channels are shifted back.</summary>
    /// <param name="shifts">How far each is.</param>
    public double NoiseWithout(ReadOnlySpan<double> shifts)
    {
        var noise = 0.0;
        for (var channel = 0; channel < _sums.Length; channel++)
        {
            noise += Math.Max(0, _squares[channel] - (2 * shifts[channel] * _sums[channel]) + (_count * shifts[channel] * shifts[channel]));
        }

        return noise;
    }
}
