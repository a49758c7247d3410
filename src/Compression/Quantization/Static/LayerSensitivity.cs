using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>What each layer does to the outputs when it alone is quantized, kept as an artifact: another limit needs the same.</summary>
internal static class LayerSensitivity
{
    private const string FileName = "sensitivity.json";

    /// <summary>Measures layers, or reads what was measured before.</summary>
    /// <param name="fallback">Measures them.</param>
    /// <param name="model">The model.</param>
    /// <param name="layers">The layers, quantized.</param>
    /// <param name="activations">What else the quantized layers depend on: names, scales and zero points of activations.</param>
    /// <param name="context">The stage's context.</param>
    /// <param name="progress">Told what is done.</param>
    /// <returns>The signal-to-noise ratio of the outputs for each layer, in dB.</returns>
    public static double[] Measure(QuantizationFallback fallback, Model model, IReadOnlyList<StaticLayer> layers, IEnumerable<string> activations, StageContext context, Action<double, string>? progress)
    {
        if (context.Share is not { } share)
        {
            return fallback.MeasureAlone(progress);
        }

        var ingredients = new Dictionary<string, string>
        {
            ["model"] = string.Join(' ', model.Files.Select(context.HashOf)),
            ["layers"] = Hash(hash => layers.ToList().ForEach(layer => Add(hash, layer))),
            ["activations"] = Hash(hash => activations.ToList().ForEach(text => Add(hash, text))),
            ["inputs"] = Hash(hash => fallback.Feeds.ToList().ForEach(feeds => Add(hash, feeds))),
            ["engine"] = new OnnxRuntimeEngine().Version,
            ["version"] = "1",
        };
        var folder = share(new SharedArtifact("layer-sensitivity", ingredients, to =>
            File.WriteAllText(Path.Combine(to, FileName), new JsonArray([.. fallback.MeasureAlone(progress).Select(snr => (JsonNode)snr.ToString("R", CultureInfo.InvariantCulture))]).ToJsonString())));
        return [.. JsonNode.Parse(File.ReadAllText(Path.Combine(folder, FileName)))!.AsArray().Select(snr => double.Parse((string)snr!, CultureInfo.InvariantCulture))];
    }

    private static string Hash(Action<IncrementalHash> add)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        add(hash);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Add(IncrementalHash hash, StaticLayer layer)
    {
        Add(hash, layer.Layer.Name);
        var biases = layer.Layer.Uses.Select(use => StaticLayer.BiasOf(use.Node)).OfType<StaticLayer.Bias>().Select(bias => Tensor.Floats([bias.Values.Length], bias.Values));
        var corrections = layer.Layer.Uses.Select((_, number) => layer.CorrectionOf(number)).OfType<Tensor>();
        foreach (var tensor in layer.Stored.Concat(biases).Concat(corrections))
        {
            using var view = tensor.Data.View();
            for (var offset = 0L; offset < view.Length; offset += int.MaxValue)
            {
                hash.AppendData(view.Slice(offset, (int)Math.Min(int.MaxValue, view.Length - offset)));
            }
        }
    }

    private static void Add(IncrementalHash hash, IReadOnlyDictionary<string, NdArray> feeds)
    {
        foreach (var (name, array) in feeds.OrderBy(feed => feed.Key, StringComparer.Ordinal))
        {
            Add(hash, $"{name} {array}");
            hash.AppendData(array.Data.Span);
        }
    }

    private static void Add(IncrementalHash hash, string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
}
