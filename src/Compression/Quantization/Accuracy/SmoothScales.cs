namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// SmoothQuant (Xiao et al., ICML 2023): moves the range of input channels j into the weights, X / s and s W, with
/// s_j = max|X_j|^alpha / max|W_j|^(1 - alpha). Without quantization this changes nothing.
/// </summary>
internal static class SmoothScales
{
    /// <summary>Scales outside of this range would only trade one overflow for another.</summary>
    private const double Least = 1e-4, Most = 1e4;

    /// <summary>The scales s: inputs are divided by them, rows of the weight multiplied.</summary>
    /// <param name="inputs">Largest magnitude of each input channel, [K].</param>
    /// <param name="weights">Largest magnitude of each row of the weight, [K]; over all layers that share the input.</param>
    /// <param name="alpha">How much moves, from 0 to 1.</param>
    /// <returns>[K]; 1 for channels that are zero in the input or the weight.</returns>
    public static float[] Find(ReadOnlySpan<float> inputs, ReadOnlySpan<float> weights, double alpha)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(alpha);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(alpha, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, inputs.Length);
        var scales = new float[inputs.Length];
        for (var channel = 0; channel < scales.Length; channel++)
        {
            scales[channel] = inputs[channel] > 0 && weights[channel] > 0
                ? (float)Math.Clamp(Math.Pow(inputs[channel], alpha) / Math.Pow(weights[channel], 1 - alpha), Least, Most)
                : 1;
        }

        return scales;
    }

    /// <summary>Raises the largest magnitude of each row to that of a weight.</summary>
    /// <param name="weights">[K, N].</param>
    /// <param name="largest">[K]; start with zeros.</param>
    public static void RaiseToRows(ReadOnlySpan<float> weights, Span<float> largest)
    {
        var columns = weights.Length / largest.Length;
        for (var row = 0; row < largest.Length; row++)
        {
            foreach (var weight in weights.Slice(row * columns, columns))
            {
                largest[row] = Math.Max(largest[row], Math.Abs(weight));
            }
        }
    }
}
