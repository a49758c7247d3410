using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization;

/// <summary>A constant whose elements are divided by, or multiplied with, the scales of the channels that they belong to.</summary>
/// <param name="constant">The constant: float32, an initializer or what a Constant node makes.</param>
/// <param name="use">The only place where it changes; null for everywhere.</param>
/// <param name="map">Where the channels are in it; an axis of length 1 is repeated.</param>
/// <param name="multiplies">Whether it is multiplied.</param>
internal sealed class ScaledConstant(Value constant, Use? use, ChannelMap map, bool multiplies)
{
    /// <summary>Larger constants that other nodes use too would be stored twice.</summary>
    private const long MaxCopiedElements = 1 << 16;

    /// <summary>What an operator that broadcasts takes, seen from its result.</summary>
    /// <param name="use">The node and which of its inputs.</param>
    /// <param name="rank">Axes of its result.</param>
    /// <param name="map">Where the channels are in its result.</param>
    /// <param name="multiplies">Whether the constant is multiplied.</param>
    /// <returns>The constant; null when it is none or cannot be scaled.</returns>
    public static ScaledConstant? Operand(Use use, int rank, ChannelMap map, bool multiplies)
    {
        // Single numbers are left alone: a runtime knows activations such as GELU by them, and would no longer fuse these.
        if (use.Node.Input(use.Index) is not { ConstantTensor: { Type: DataType.Float } tensor } value || tensor.Dims.Count > rank || (tensor.Count == 1 && map.Channels.Length > 1))
        {
            return null;
        }

        // Axes in front of the constant's own, and axes of length 1 that have to be longer to hold the channels.
        var added = Math.Max(0, rank - tensor.Dims.Count - map.Axes[0]);
        if (map.Shift(tensor.Dims.Count + added - rank) is not { } own)
        {
            return null;
        }

        long[] dims = [.. Enumerable.Repeat(1L, added), .. tensor.Dims];
        foreach (var (index, axis) in own.Axes.Index())
        {
            if (dims[axis] != own.Dims[index] && dims[axis] != 1)
            {
                return null;
            }

            dims[axis] = own.Dims[index];
        }

        var count = dims.Aggregate(1L, (product, dim) => product * dim);
        return count > MaxCopiedElements && (count != tensor.Count || value.Uses.Count > 1 || value.IsGraphOutput) ? null : new ScaledConstant(value, use, own, multiplies) { Dims = dims };
    }

    /// <summary>Dimensions of the result; null for those of the constant.</summary>
    private long[]? Dims { get; init; }

    /// <summary>Scales the constant.</summary>
    /// <param name="scales">A number for each channel.</param>
    public void Apply(ReadOnlySpan<float> scales)
    {
        float[] factors = [.. map.Channels.Select(Factor(scales.ToArray()))];
        var tensor = Layers.ConstantOf(constant)!; // As it is now: rows and columns of a weight may both be scaled.
        var dims = Dims ?? [.. tensor.Dims];
        var data = dims.SequenceEqual(tensor.Dims) ? tensor.Data : Spread(tensor, dims);
        var (place, length, inner) = Places(dims);
        TensorData scaled = new ChunkedData(data, sizeof(float), sizeof(float), (first, input, output) =>
        {
            var numbers = MemoryMarshal.Cast<byte, float>(input);
            var results = MemoryMarshal.Cast<byte, float>(output);
            var run = first / inner;
            for (var (index, current) = (0, place(run)); index < results.Length; run++)
            {
                var factor = factors[current];
                var end = index + (int)Math.Min(results.Length - index, inner - ((first + index) % inner));
                for (; index < end; index++)
                {
                    results[index] = multiplies ? numbers[index] * factor : numbers[index] / factor;
                }

                current = length is null ? place(run + 1) : current + 1 < length ? current + 1 : 0;
            }
        });
        Replace(new Tensor(DataType.Float, dims, LazyWeights.KeepIfSmall(scaled)) { Name = tensor.Name, DocString = tensor.DocString, Metadata = tensor.Metadata });
    }

    private static Func<int, float> Factor(float[] scales) => channel => channel < 0 ? 1 : scales[channel];

    /// <summary>Where in the map each run of elements behind its last axis is, after how many runs that starts again, if it goes up one by one, and the length of a run.</summary>
    private (Func<long, int> Place, int? Length, long Inner) Places(long[] dims)
    {
        var last = map.Axes[^1];
        var inner = dims.Skip(last + 1).Aggregate(1L, (product, dim) => product * dim);
        if (map.Axes.Length == 1)
        {
            var length = map.Dims[0];
            return (run => (int)(run % length), length, inner);
        }

        return (run =>
        {
            var (place, step) = (0, 1);
            for (var axis = last; axis >= map.Axes[0]; axis--)
            {
                if (Array.IndexOf(map.Axes, axis) >= 0)
                {
                    place += (int)(run % dims[axis]) * step;
                    step *= (int)dims[axis];
                }

                run /= dims[axis];
            }

            return place;
        }, null, inner);
    }

    /// <summary>The constant repeated along its axes of length 1.</summary>
    private static TensorData Spread(Tensor tensor, long[] dims)
    {
        var numbers = tensor.ToFloats();
        var result = new float[dims.Aggregate(1L, (product, dim) => product * dim)];
        var own = new long[dims.Length];
        Array.Fill(own, 1);
        tensor.Dims.ToArray().CopyTo(own, dims.Length - tensor.Dims.Count);
        for (var place = 0; place < result.Length; place++)
        {
            var (rest, source, step) = ((long)place, 0L, 1L);
            for (var axis = dims.Length - 1; axis >= 0; axis--)
            {
                source += own[axis] == 1 ? 0 : rest % dims[axis] * step;
                step *= own[axis];
                rest /= dims[axis];
            }

            result[place] = numbers[source];
        }

        return Tensor.Floats(dims, result).Data;
    }

    private void Replace(Tensor tensor)
    {
        if (use is { } only && constant is not { Uses.Count: 1, IsGraphOutput: false })
        {
            only.Node.SetInput(only.Index, constant.Graph!.AddInitializer(constant.Name, tensor));
        }
        else
        {
            Layers.ReplaceConstant(constant, tensor);
        }
    }
}
