using System.Globalization;
using System.Text.Json.Nodes;

namespace CompressTool.Compression.Quantization;

/// <summary>What to do when a quantized model is not good enough.</summary>
public static class QuantizationAdvice
{
    private const int Named = 3;

    /// <summary>Names the layers that lost most, and the ways out.</summary>
    /// <param name="metrics">The metrics of a stage <c>quantize</c>.</param>
    /// <returns>A clause; null when the metrics know no layers.</returns>
    public static string? For(JsonObject metrics)
    {
        var layers = metrics["layers"] is not JsonArray all ? [] : all.OfType<JsonObject>()
            .Select(layer => (Name: (string?)layer["name"], Noise: (double?)(layer["outputSnrDb"] ?? layer["snrDb"])))
            .Where(layer => layer is { Name: not null, Noise: not null }).OrderBy(layer => layer.Noise).Take(Named).ToArray();
        if (layers.Length == 0)
        {
            return null;
        }

        var names = string.Join(", ", layers.Select(layer => string.Create(CultureInfo.InvariantCulture, $"{layer.Name} ({layer.Noise:0.0} dB)")));
        return $"quantization adds most noise to {names}: leave these out with layers.exclude of 'quantize', or choose a scheme of more bits";
    }
}
