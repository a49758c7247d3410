using System.Text.Json.Nodes;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// Bias correction (Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019, with data): what quantization of weight and
/// activation adds to each channel of a layer's result on average over the calibration's inputs is taken off the bias.
/// </summary>
internal static class MeanCorrection
{
    /// <summary>Corrects the biases of layers; the graph stays as it is.</summary>
    /// <param name="layers">The layers, quantized.</param>
    /// <param name="errors">The errors of each layer, by its nodes.</param>
    /// <param name="withoutBias">The layers that could not be corrected, since they have no bias.</param>
    /// <returns>The signal-to-noise ratio of each layer's result with its new bias, in dB; null where there is no noise.</returns>
    public static IReadOnlyList<double?> Run(IReadOnlyList<StaticLayer> layers, IReadOnlyList<ChannelErrors[]> errors, out JsonArray withoutBias)
    {
        var result = new List<double?>();
        withoutBias = [];
        foreach (var (layer, nodes) in layers.Zip(errors))
        {
            var (noise, missing) = (0.0, false);
            foreach (var (number, node) in nodes.Index())
            {
                var shifts = node.Shifts();
                var corrected = layer.Correct(number, shifts);
                noise += corrected ? node.NoiseWithout(shifts) : node.Noise;
                missing |= !corrected;
            }

            result.Add(SignalToNoise.RoundedDb(nodes.Sum(node => node.Signal), noise));
            if (missing)
            {
                withoutBias.Add((JsonNode)layer.Layer.Name);
            }
        }

        return result;
    }
}
