using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CompressTool.Compression.Quantization.Dynamic;

/// <summary>Quantizes runs of weights to 8-bit integers: division by the scale, rounding to nearest with ties to even, clipping.</summary>
internal static class AffineKernel
{
    /// <summary>Smallest and largest weight, and zero.</summary>
    public static (float Smallest, float Largest) Range(ReadOnlySpan<float> weights)
    {
        var (smallest, largest) = (0f, 0f);
        var vectors = MemoryMarshal.Cast<float, Vector256<float>>(weights);
        if (vectors.Length > 0)
        {
            var (low, high) = (Vector256<float>.Zero, Vector256<float>.Zero);
            foreach (var vector in vectors)
            {
                low = Vector256.MinNative(low, vector);
                high = Vector256.MaxNative(high, vector);
            }

            (smallest, largest) = (Lanes.Min(low), Lanes.Max(high));
        }

        foreach (var weight in weights[(vectors.Length * Vector256<float>.Count)..])
        {
            smallest = Math.Min(smallest, weight);
            largest = Math.Max(largest, weight);
        }

        return (smallest, largest);
    }

    /// <summary>Writes the integers, signed or unsigned as the range says, one byte each.</summary>
    public static void Quantize(ReadOnlySpan<float> weights, AffineParameters parameters, IntegerRange range, Span<byte> integers)
    {
        var index = 0;
        for (; index <= weights.Length - 16; index += 16)
        {
            var first = Vector256.ConvertToInt32(Round(Vector256.Create(weights[index..]), parameters, range));
            var second = Vector256.ConvertToInt32(Round(Vector256.Create(weights[(index + 8)..]), parameters, range));

            // Narrowing keeps the low byte, which is right for either sign.
            var words = Vector256.Narrow(first, second);
            Vector128.Narrow(words.GetLower(), words.GetUpper()).AsByte().CopyTo(integers[index..]);
        }

        for (; index < weights.Length; index++)
        {
            integers[index] = unchecked((byte)(int)Round(Vector256.Create(weights[index]), parameters, range)[0]);
        }
    }

    /// <summary>Adds the error of some weights to the sums.</summary>
    public static void Measure(ReadOnlySpan<float> weights, AffineParameters parameters, IntegerRange range, ref WeightErrorSums sums)
    {
        const int Run = 256; // Short enough for float32 sums.
        var (scale, zero) = (Vector256.Create(parameters.Scale), Vector256.Create((float)parameters.ZeroPoint));
        Span<float> last = stackalloc float[Vector256<float>.Count];
        while (weights.Length > 0)
        {
            var run = weights[..Math.Min(Run, weights.Length)];
            weights = weights[run.Length..];
            var (signal, noise, worst) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
            for (var index = 0; index < run.Length; index += last.Length)
            {
                Vector256<float> vector;
                if (run.Length - index >= last.Length)
                {
                    vector = Vector256.Create(run[index..]);
                }
                else
                {
                    last.Clear(); // Zeros have no error.
                    run[index..].CopyTo(last);
                    vector = Vector256.Create<float>(last);
                }

                var error = vector - ((Round(vector, parameters, range) - zero) * scale);
                signal += vector * vector;
                noise += error * error;
                worst = Vector256.MaxNative(worst, Vector256.Abs(error));
            }

            sums.Add(signal, noise, worst);
        }
    }

    private static Vector256<float> Round(Vector256<float> weights, AffineParameters parameters, IntegerRange range)
    {
        var rounded = Vector256.Round(weights / Vector256.Create(parameters.Scale)) + Vector256.Create((float)parameters.ZeroPoint);
        return Vector256.MinNative(Vector256.MaxNative(rounded, Vector256.Create((float)range.Low)), Vector256.Create((float)range.High));
    }
}
