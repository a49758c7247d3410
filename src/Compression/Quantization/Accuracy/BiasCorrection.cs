namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>
/// Bias correction (Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019): what
/// quantized weights add to the outputs on average, (W' - W)ᵀ E[x], is taken off the bias.
/// </summary>
internal static class BiasCorrection
{
    /// <summary>The expected shift of each output.</summary>
    /// <param name="weights">W, [K, N].</param>
    /// <param name="quantized">W', [K, N].</param>
    /// <param name="inputMeans">E[x], [K]; for a convolution the means of its patches, so that zeros of the padding count.</param>
    /// <returns>[N].</returns>
    public static double[] Shift(ReadOnlySpan<float> weights, ReadOnlySpan<float> quantized, ReadOnlySpan<double> inputMeans)
    {
        var columns = weights.Length / inputMeans.Length;
        var shift = new double[columns];
        for (var row = 0; row < inputMeans.Length; row++)
        {
            var (mean, start) = (inputMeans[row], row * columns);
            for (var column = 0; column < columns; column++)
            {
                shift[column] += ((double)quantized[start + column] - weights[start + column]) * mean;
            }
        }

        return shift;
    }

    /// <summary>The bias that makes good the shift.</summary>
    /// <param name="bias">[N]; empty for a layer without one.</param>
    /// <param name="shift">The shift, [N].</param>
    /// <returns>[N].</returns>
    public static float[] Correct(ReadOnlySpan<float> bias, ReadOnlySpan<double> shift)
    {
        var corrected = new float[shift.Length];
        for (var column = 0; column < corrected.Length; column++)
        {
            corrected[column] = (float)((bias.IsEmpty ? 0 : bias[column]) - shift[column]);
        }

        return corrected;
    }
}
