using System.Buffers;
using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization;

/// <summary>The kernel of a convolution, [output channels, ...], in signed 8-bit integers with one scale or one per output channel.</summary>
internal sealed class Int8Kernel
{
    /// <summary>Weights quantized in one go: as many as there are copies of a scale.</summary>
    private const int Run = 256;

    private readonly Tensor _tensor;
    private readonly IntegerRange _range;
    private readonly bool _perChannel;
    private readonly float[] _scales;
    private readonly int _channelLength;

    private Int8Kernel(Tensor tensor, IntegerRange range, bool perChannel)
    {
        (_tensor, _range, _perChannel) = (tensor, range, perChannel);
        _scales = new float[tensor.Dims[0]];
        _channelLength = checked((int)(tensor.Count / tensor.Dims[0]));
    }

    /// <summary>Error of the whole kernel.</summary>
    public WeightErrorSums Error { get; private set; }

    /// <summary>The scales: one, or one for each output channel.</summary>
    public IReadOnlyList<float> Scales => _perChannel ? _scales : _scales[..1];

    /// <summary>Finds the scales and the error. Reads the kernel twice.</summary>
    /// <param name="tensor">The kernel, in float32.</param>
    /// <param name="range">The integers; symmetric.</param>
    /// <param name="perChannel">Whether every output channel has its own scale.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="smallest">The smallest scale that a channel may have; null for any.</param>
    public static Int8Kernel Analyze(Tensor tensor, IntegerRange range, bool perChannel, CancellationToken cancellationToken, Func<int, float>? smallest = null)
    {
        var result = new Int8Kernel(tensor, range, perChannel);
        var extremes = new float[result._scales.Length];
        result.ForEachChannel((channel, weights) =>
        {
            var (low, high) = AffineKernel.Range(weights);
            extremes[channel] = Math.Max(-low, high);
        }, cancellationToken);
        var common = extremes.Max();
        for (var channel = 0; channel < extremes.Length; channel++)
        {
            var extreme = perChannel ? extremes[channel] : common;
            result._scales[channel] = AffineParameters.Spread(-extreme, extreme, range).Scale;
        }

        SmallestScales.Raise(result._scales, perChannel, smallest);
        var sums = new WeightErrorSums[extremes.Length];
        result.ForEachChannel((channel, weights) => result.Measure(channel, weights, ref sums[channel]), cancellationToken);
        result.Error = WeightErrorSums.Total(sums);
        return result;
    }

    /// <summary>The integers, of the kernel's shape; computed when they are read.</summary>
    public Tensor Integers() => new(DataType.Int8, _tensor.Dims, new ChunkedData(_tensor.Data, sizeof(float), 1, (first, input, output) =>
    {
        for (var done = 0; done < output.Length;)
        {
            var (channel, skip) = ((int)((first + done) / _channelLength), (int)((first + done) % _channelLength));
            var count = Math.Min(_channelLength - skip, output.Length - done);
            Quantize(channel, MemoryMarshal.Cast<byte, float>(input).Slice(done, count), output.Slice(done, count));
            done += count;
        }
    }));

    private void Quantize(int channel, ReadOnlySpan<float> weights, Span<byte> integers)
    {
        Span<float> scales = stackalloc float[Math.Min(Run, weights.Length)];
        scales.Fill(_scales[channel]);
        for (var start = 0; start < weights.Length; start += Run)
        {
            var count = Math.Min(Run, weights.Length - start);
            AffineKernel.Quantize(weights.Slice(start, count), scales[..count], 0, _range, integers[start..]);
        }
    }

    private void Measure(int channel, ReadOnlySpan<float> weights, ref WeightErrorSums sums)
    {
        Span<float> scales = stackalloc float[Math.Min(Run, weights.Length)];
        scales.Fill(_scales[channel]);
        for (var start = 0; start < weights.Length; start += Run)
        {
            var count = Math.Min(Run, weights.Length - start);
            AffineKernel.Measure(weights.Slice(start, count), scales[..count], 0, _range, ref sums);
        }
    }

    private delegate void ChannelAction(int channel, ReadOnlySpan<float> weights);

    private void ForEachChannel(ChannelAction action, CancellationToken cancellationToken)
    {
        // What is computed whole is computed once for all channels.
        using var whole = _tensor.Data is ComputedData ? _tensor.Data.View() : null;
        var bytes = _channelLength * sizeof(float);
        ParallelWork.For(_scales.Length, _tensor.Count < (1 << 16) ? 1 : 0, channel =>
        {
            if (whole is not null)
            {
                action(channel, MemoryMarshal.Cast<byte, float>(whole.Slice((long)channel * bytes, bytes)));
                return;
            }

            var buffer = ArrayPool<float>.Shared.Rent(_channelLength);
            var weights = buffer.AsSpan(0, _channelLength);
            _tensor.Data.Read((long)channel * bytes, MemoryMarshal.AsBytes(weights));
            action(channel, weights);
            ArrayPool<float>.Shared.Return(buffer);
        }, cancellationToken);
    }
}
