using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// Quantizes one block of weights exactly as ONNX Runtime's own quantizer does: float32 arithmetic, a multiplication by the
/// reciprocal of the stored scale, halves rounded away from zero. A code q stands for (q - zero point) * scale.
/// </summary>
internal static class BlockQuantizer
{
    /// <summary>Scale and zero point of a block.</summary>
    /// <param name="block">The weights, filled up with zeros to a multiple of 16.</param>
    /// <param name="format">The format.</param>
    /// <param name="halfScale">True when the scale is stored in float16.</param>
    public static BlockParameters FindParameters(ReadOnlySpan<float> block, BlockFormat format, bool halfScale)
    {
        Debug.Assert(block.Length % 16 == 0);
        var vectors = MemoryMarshal.Cast<float, Vector256<float>>(block);
        var (low, high) = (Vector256<float>.Zero, Vector256<float>.Zero); // Zero is always in the range.
        foreach (var vector in vectors)
        {
            low = Vector256.MinNative(low, vector);
            high = Vector256.MaxNative(high, vector);
        }

        var (smallest, largest) = (Lanes.Min(low), Lanes.Max(high));

        // Symmetric: the value of largest magnitude becomes code 0, whose magnitude is the larger one; the scale takes its sign.
        var scale = format.IsSymmetric
            ? (largest > -smallest ? -largest : -smallest) / format.MiddleCode
            : (largest - smallest) / format.LargestCode;
        var zeroPoint = format.IsSymmetric ? format.MiddleCode
            : scale == 0 ? 0
            : (int)Math.Clamp(MathF.Round(-smallest / scale, MidpointRounding.AwayFromZero), 0, format.LargestCode);
        var stored = halfScale ? (float)(Half)scale : scale;
        var reciprocal = 1 / stored;
        return float.IsFinite(reciprocal) ? new BlockParameters(stored, reciprocal, zeroPoint) : new BlockParameters(0, 0, zeroPoint);
    }

    /// <summary>Writes the codes of a block, two in a byte for 4 bits, the first one in the low half. Codes past <paramref name="count"/> are 0.</summary>
    /// <param name="block">The weights, filled up with zeros to a multiple of 16.</param>
    /// <param name="count">How many of them are real.</param>
    /// <param name="parameters">The block's scale and zero point.</param>
    /// <param name="format">The format.</param>
    /// <param name="destination">Receives the codes.</param>
    public static void Encode(ReadOnlySpan<float> block, int count, BlockParameters parameters, BlockFormat format, Span<byte> destination)
    {
        var vectors = MemoryMarshal.Cast<float, Vector256<float>>(block);
        var (reciprocal, zero, top) = Broadcast(parameters, format);
        for (var index = 0; index < vectors.Length; index += 2)
        {
            var first = Vector256.ConvertToInt32(Round(vectors[index], reciprocal, zero, top));
            var second = Vector256.ConvertToInt32(Round(vectors[index + 1], reciprocal, zero, top));
            var words = Vector256.Narrow(first, second);
            var bytes = Vector128.Narrow(words.GetLower(), words.GetUpper()).AsByte();
            if (format.Bits == 8)
            {
                bytes.CopyTo(destination[(index * 8)..]);
            }
            else
            {
                var pairs = bytes.AsUInt16();
                var packed = Vector128.Narrow(pairs | (pairs >> 4), Vector128<ushort>.Zero);
                BitConverter.TryWriteBytes(destination[(index * 4)..], packed.AsUInt64().ToScalar());
            }
        }

        if (count < block.Length)
        {
            if (format.Bits == 4 && count % 2 != 0)
            {
                destination[count / 2] &= 0xF;
            }

            var used = ((count * format.Bits) + 7) / 8;
            destination[used..format.BlockBytes].Clear();
        }
    }

    /// <summary>Adds the block's error to the sums.</summary>
    public static void Measure(ReadOnlySpan<float> block, BlockParameters parameters, BlockFormat format, ref WeightErrorSums sums)
    {
        var (reciprocal, zero, top) = Broadcast(parameters, format);
        var scale = Vector256.Create(parameters.Scale);
        var (signal, noise, worst) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        foreach (var vector in MemoryMarshal.Cast<float, Vector256<float>>(block))
        {
            var error = vector - ((Round(vector, reciprocal, zero, top) - zero) * scale);
            signal += vector * vector;
            noise += error * error;
            worst = Vector256.MaxNative(worst, Vector256.Abs(error));
        }

        sums.Add(signal, noise, worst);
    }

    private static (Vector256<float> Reciprocal, Vector256<float> Zero, Vector256<float> Top) Broadcast(BlockParameters parameters, BlockFormat format) =>
        (Vector256.Create(parameters.Reciprocal), Vector256.Create((float)parameters.ZeroPoint), Vector256.Create((float)format.LargestCode));

    /// <summary>The codes as float32. Clamping first keeps the numbers positive, where rounding half up is rounding half away from zero.</summary>
    public static Vector256<float> Round(Vector256<float> weights, Vector256<float> reciprocal, Vector256<float> zero, Vector256<float> top)
    {
        var exact = Vector256.MinNative(Vector256.MaxNative((weights * reciprocal) + zero, Vector256<float>.Zero), top);
        var floor = Vector256.Floor(exact);
        var up = Vector256.GreaterThanOrEqual(exact - floor, Vector256.Create(0.5f));
        return floor + (Vector256.Create(1f) & up);
    }
}

/// <summary>Scale and zero point of a block.</summary>
/// <param name="Scale">The scale as stored; negative when the extreme value of a symmetric block is positive; 0 when all its weights are.</param>
/// <param name="Reciprocal">1 / scale, or 0.</param>
/// <param name="ZeroPoint">The code of zero.</param>
internal readonly record struct BlockParameters(float Scale, float Reciprocal, int ZeroPoint);
