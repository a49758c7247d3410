using System.Numerics;
using System.Runtime.InteropServices;

namespace CompressTool.Onnx.Passes;

/// <summary>A Conv, ConvTranspose or Gemm with constant weights, seen as what gives channels that can be scaled and shifted.</summary>
internal sealed class ScaledLayer
{
    /// <summary>Larger weights are scaled when they are read, not before.</summary>
    private const long MaxMemoryBytes = 1 << 20;

    private const int ChunkElements = 1 << 16;

    private const double SmallestNormalHalf = 1.0 / (1 << 14);

    /// <summary>No weight of any use overflows float32 by such a factor.</summary>
    private const double ModestFactor = 1e18;

    private readonly Tensor? _bias;
    private readonly double _biasFactor;

    // Element e belongs to block b = e / inner and to channel (b / round) · channelsPerRound + b % channelsPerRound.
    private readonly long _inner;
    private readonly long _round;
    private readonly long _channelsPerRound;

    private ScaledLayer(Tensor weight, int rank, int channels, Tensor? bias, double biasFactor, (long Inner, long Round, long ChannelsPerRound) layout)
    {
        (Weight, Rank, Channels, _bias, _biasFactor) = (weight, rank, channels, bias, biasFactor);
        (_inner, _round, _channelsPerRound) = layout;
    }

    /// <summary>The weight.</summary>
    public Tensor Weight { get; }

    /// <summary>Number of axes of the result; the second one holds the channels.</summary>
    public int Rank { get; }

    /// <summary>Number of channels of the result.</summary>
    public int Channels { get; }

    /// <summary>The layer of a node; null when it is none, its weight or bias is not constant, or its type is neither float32 nor float16.</summary>
    public static ScaledLayer? Of(Model model, Node node)
    {
        var isConv = node.Is("Conv") || node.Is("ConvTranspose");
        if ((!isConv && !(node.Is("Gemm") && model.Opset >= 7)) || node.Outputs is not [{ }]
            || BatchNormalizationFolding.Constant(model, node.Input(1)) is not { Type: DataType.Float or DataType.Float16, Count: > 0 } weight
            || (isConv ? weight.Dims.Count < 3 : weight.Dims.Count != 2))
        {
            return null;
        }

        var dims = weight.Dims;
        var groups = Math.Max(1, node.GetInt("group", 1));
        var inner = isConv ? dims.Skip(2).Aggregate(1L, (product, dim) => product * dim) : 1;
        var (channels, layout) = node.OpType switch
        {
            // [M, C/group, kernel]: all that a channel has is in one block.
            "Conv" => (dims[0], (inner * dims[1], weight.Count, dims[0])),

            // [C, M/group, kernel]: the channels of a group come once for each input of the group.
            "ConvTranspose" => (dims[1] * groups, (inner, dims[0] / groups * dims[1], dims[1])),
            _ => node.GetInt("transB", 0) != 0 ? (dims[0], (dims[1], weight.Count, dims[0])) : (dims[1], (1, weight.Count, dims[1])),
        };
        var bias = BatchNormalizationFolding.Constant(model, node.Input(2));
        var factor = node.Is("Gemm") ? node.GetFloat("beta", 1) : 1.0;
        var rank = isConv ? dims.Count : 2;
        return node.Input(2) is not null && (bias is null || bias.Type != weight.Type || ChannelAffine.PerChannel(bias, 2, (int)channels) is null) ? null
            : new ScaledLayer(weight, rank, (int)channels, bias, factor, layout);
    }

    /// <summary>
    /// True when the layer's type holds the scaled weights and biases: none beyond its largest number, and the largest of the weights not
    /// so small that a float16 has fewer digits.
    /// </summary>
    public bool Takes(ChannelAffine affine)
    {
        if (!affine.IsFinite)
        {
            return false;
        }

        var limit = Weight.Type == DataType.Float ? float.MaxValue : (double)Half.MaxValue;
        return !Array.Exists(Biases(affine), bias => Math.Abs(bias) > limit)
            && (affine.IsShift || IsModest(affine) || LargestScaled(affine.Factors) is var largest && (largest == 0 || (largest >= SmallestNormalHalf && largest <= limit)));
    }

    /// <summary>The weight, each channel times its factor; large ones are computed when they are read.</summary>
    public Tensor ScaledWeight(ChannelAffine affine)
    {
        var size = Weight.Type.BitSize() / 8;
        TensorData data = new ChunkedData(Weight.Data, size, size, (first, input, output) =>
        {
            input.CopyTo(output);
            if (Weight.Type == DataType.Float)
            {
                Scale(first, MemoryMarshal.Cast<byte, float>(output), affine.Factors);
            }
            else
            {
                Scale(first, MemoryMarshal.Cast<byte, Half>(output), affine.Factors);
            }
        });
        return new Tensor(Weight.Type, Weight.Dims, data.Length <= MaxMemoryBytes ? data.ToMemory() : data) { Name = Weight.Name, DocString = Weight.DocString, Metadata = Weight.Metadata };
    }

    /// <summary>The bias, scaled and shifted.</summary>
    public Tensor Bias(ChannelAffine affine) => Weight.Type == DataType.Float
        ? Tensor.Create<float>(DataType.Float, [Channels], Array.ConvertAll(Biases(affine), x => (float)x))
        : Tensor.Create<Half>(DataType.Float16, [Channels], Array.ConvertAll(Biases(affine), x => (Half)x));

    private double[] Biases(ChannelAffine affine)
    {
        var biases = _bias is null ? new double[Channels] : ChannelAffine.PerChannel(_bias, 2, Channels)!;
        for (var channel = 0; channel < biases.Length; channel++)
        {
            biases[channel] = (biases[channel] * _biasFactor * affine.Factors[channel]) + affine.Shifts[channel];
        }

        return biases;
    }

    /// <summary>True when no float32 weight comes near its limits by the factors, so that none has to be read for that.</summary>
    private bool IsModest(ChannelAffine affine) => Weight.Type == DataType.Float && !affine.Factors.ContainsAnyExceptInRange(-ModestFactor, ModestFactor);

    /// <summary>Multiplies a run of weights.</summary>
    /// <param name="first">Number of the first one.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="factors">A factor per channel.</param>
    private void Scale<T>(long first, Span<T> weights, ReadOnlySpan<double> factors)
        where T : unmanaged, INumberBase<T>
    {
        for (var index = 0; index < weights.Length;)
        {
            var block = (first + index) / _inner;
            var factor = factors[(int)((block / _round * _channelsPerRound) + (block % _channelsPerRound))];
            var end = index + Math.Min(weights.Length - index, (int)Math.Min(int.MaxValue, _inner - ((first + index) % _inner)));
            for (; index < end; index++)
            {
                weights[index] = T.CreateTruncating(double.CreateTruncating(weights[index]) * factor);
            }
        }
    }

    /// <summary>The largest magnitude of a scaled weight; NaN where one is no number.</summary>
    private double LargestScaled(ReadOnlySpan<double> factors)
    {
        var size = Weight.Type.BitSize() / 8;
        var bytes = new byte[Math.Min(Weight.Count, ChunkElements) * size];
        var wide = new double[ChunkElements];
        var largest = 0.0;
        for (long first = 0; first < Weight.Count; first += ChunkElements)
        {
            var count = (int)Math.Min(ChunkElements, Weight.Count - first);
            var chunk = bytes.AsSpan(0, count * size);
            Weight.Data.Read(first * size, chunk);
            for (var index = 0; index < count; index++)
            {
                wide[index] = Weight.Type == DataType.Float ? MemoryMarshal.Read<float>(chunk[(index * size)..]) : (double)MemoryMarshal.Read<Half>(chunk[(index * size)..]);
            }

            Scale(first, wide.AsSpan(0, count), factors);
            foreach (var weight in wide.AsSpan(0, count))
            {
                largest = Math.Max(largest, Math.Abs(weight));
            }
        }

        return largest;
    }
}
