using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Quantization;

/// <summary>Quantizes runs of weights to 8-bit integers: division by the scale, rounding to nearest with ties to even, clipping.</summary>
internal static class AffineKernel
{
    /// <summary>Raises every element of <paramref name="largest"/> to the magnitude of the weight at its place.</summary>
    public static void RaiseToMagnitude(ReadOnlySpan<float> weights, Span<float> largest)
    {
        var index = 0;
        for (; index <= weights.Length - Vector256<float>.Count; index += Vector256<float>.Count)
        {
            var raised = Vector256.MaxNative(Vector256.Create<float>(largest[index..]), Vector256.Abs(Vector256.Create(weights[index..])));
            raised.CopyTo(largest[index..]);
        }

        for (; index < weights.Length; index++)
        {
            largest[index] = Math.Max(largest[index], Math.Abs(weights[index]));
        }
    }

    /// <summary>Smallest and largest of some weights and zero.</summary>
    public static (float Smallest, float Largest) Range(ReadOnlySpan<float> weights)
    {
        var vectors = MemoryMarshal.Cast<float, Vector256<float>>(weights);
        var (low, high) = (Vector256<float>.Zero, Vector256<float>.Zero);
        foreach (var vector in vectors)
        {
            low = Vector256.MinNative(low, vector);
            high = Vector256.MaxNative(high, vector);
        }

        var (smallest, largest) = (Lanes.Min(low), Lanes.Max(high));
        foreach (var weight in weights[(vectors.Length * Vector256<float>.Count)..])
        {
            smallest = Math.Min(smallest, weight);
            largest = Math.Max(largest, weight);
        }

        return (smallest, largest);
    }

    /// <summary>Writes the integers, signed or unsigned as the range says, one byte each.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="scales">The scale of each.</param>
    /// <param name="zeroPoint">The integer that stands for 0.</param>
    /// <param name="range">The integers.</param>
    /// <param name="integers">Receives them.</param>
    public static void Quantize(ReadOnlySpan<float> weights, ReadOnlySpan<float> scales, int zeroPoint, IntegerRange range, Span<byte> integers)
    {
        var index = 0;
        for (; index <= weights.Length - 16; index += 16)
        {
            var first = Round(Vector256.Create(weights[index..]), Vector256.Create(scales[index..]), zeroPoint, range);
            var second = Round(Vector256.Create(weights[(index + 8)..]), Vector256.Create(scales[(index + 8)..]), zeroPoint, range);

            // Narrowing keeps the low byte, which is right for either sign.
            var words = Vector256.Narrow(Vector256.ConvertToInt32(first), Vector256.ConvertToInt32(second));
            Vector128.Narrow(words.GetLower(), words.GetUpper()).AsByte().CopyTo(integers[index..]);
        }

        for (; index < weights.Length; index++)
        {
            integers[index] = unchecked((byte)(int)Round(Vector256.Create(weights[index]), Vector256.Create(scales[index]), zeroPoint, range)[0]);
        }
    }

    /// <summary>Adds the error of some weights to the sums.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="scales">The scale of each.</param>
    /// <param name="zeroPoint">The integer that stands for 0.</param>
    /// <param name="range">The integers.</param>
    /// <param name="sums">Receives the sums.</param>
    public static void Measure(ReadOnlySpan<float> weights, ReadOnlySpan<float> scales, int zeroPoint, IntegerRange range, ref WeightErrorSums sums)
    {
        const int Run = 256; // Short enough for sums in float32.
        var lanes = Vector256<float>.Count;
        var zero = Vector256.Create((float)zeroPoint);
        for (var start = 0; start < weights.Length; start += Run)
        {
            var end = Math.Min(start + Run, weights.Length);
            var (signal, noise, worst) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
            for (var index = start; index < end; index += lanes)
            {
                var isWhole = index + lanes <= end;
                var vector = isWhole ? Vector256.Create(weights[index..]) : Last(weights[index..end], 0); // Zeros have no error.
                var scale = isWhole ? Vector256.Create(scales[index..]) : Last(scales[index..end], 1);
                var error = vector - ((Round(vector, scale, zeroPoint, range) - zero) * scale);
                signal += vector * vector;
                noise += error * error;
                worst = Vector256.MaxNative(worst, Vector256.Abs(error));
            }

            sums.Add(signal, noise, worst);
        }
    }

    private static Vector256<float> Last(ReadOnlySpan<float> elements, float fill)
    {
        Span<float> lanes = stackalloc float[Vector256<float>.Count];
        lanes.Fill(fill);
        elements.CopyTo(lanes);
        return Vector256.Create<float>(lanes);
    }

    private static Vector256<float> Round(Vector256<float> weights, Vector256<float> scale, int zeroPoint, IntegerRange range)
    {
        var rounded = Vector256.Round(weights / scale) + Vector256.Create((float)zeroPoint);
        return Vector256.MinNative(Vector256.MaxNative(rounded, Vector256.Create((float)range.Low)), Vector256.Create((float)range.High));
    }
}
