using System.Numerics;
using System.Runtime.InteropServices;

namespace CompressTool.Compression.Quantization.Accuracy.LinearAlgebra;

/// <summary>Arithmetic with rows of matrices in float32.</summary>
internal static class FloatRows
{
    /// <summary>destination += factor x.</summary>
    public static void AddScaled(float factor, ReadOnlySpan<float> x, Span<float> destination)
    {
        var from = MemoryMarshal.Cast<float, Vector<float>>(x);
        var to = MemoryMarshal.Cast<float, Vector<float>>(destination);
        for (var i = 0; i < to.Length; i++)
        {
            to[i] += factor * from[i];
        }

        for (var i = to.Length * Vector<float>.Count; i < destination.Length; i++)
        {
            destination[i] += factor * x[i];
        }
    }
}
