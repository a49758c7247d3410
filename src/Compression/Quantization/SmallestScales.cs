namespace CompressTool.Compression.Quantization;

/// <summary>Scales of weights that something else keeps from being smaller, such as a bias in multiples of them that would not fit 32 bits.</summary>
internal static class SmallestScales
{
    /// <summary>Raises scales that are smaller.</summary>
    /// <param name="scales">The scales of the channels.</param>
    /// <param name="perChannel">Whether they may differ.</param>
    /// <param name="smallest">The smallest scale of a channel; null for any.</param>
    public static void Raise(Span<float> scales, bool perChannel, Func<int, float>? smallest)
    {
        if (smallest is null)
        {
            return;
        }

        var common = 0f;
        for (var channel = 0; channel < scales.Length; channel++)
        {
            scales[channel] = Math.Max(scales[channel], smallest(channel));
            common = Math.Max(common, scales[channel]);
        }

        if (!perChannel)
        {
            scales.Fill(common);
        }
    }
}
