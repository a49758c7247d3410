using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CompressTool.Recipes.Build;

/// <summary>
/// The manifest that lies beside a finished model (<c>shop.json</c> beside <c>shop.onnx</c>): what is known only after
/// compression. The same model gives the same bytes; no times, paths or machines are in it.
/// </summary>
public sealed record ModelManifest
{
    /// <summary>The recipe's name.</summary>
    public required string Name { get; init; }

    /// <summary>File name of the model.</summary>
    public required string ModelFileName { get; init; }

    /// <summary>SHA-256 of the model file, in lower-case hexadecimal digits.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Bytes of the model, external data included.</summary>
    public required long Bytes { get; init; }

    /// <summary>Number of parameters.</summary>
    public required long Parameters { get; init; }

    /// <summary>Everything measured, by name; values must be finite.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();

    /// <summary>The gates in the recipe's order.</summary>
    public IReadOnlyList<ManifestGate> Gates { get; init; } = [];

    /// <summary>The text of the file.</summary>
    public string ToJson()
    {
        using var stream = new MemoryStream();
        var options = new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(stream, options))
        {
            json.WriteStartObject();
            json.WriteNumber("schemaVersion", 1);
            json.WriteString("name", Name);
            json.WriteString("model", ModelFileName);
            json.WriteString("sha256", Sha256);
            json.WriteNumber("bytes", Bytes);
            json.WriteNumber("parameters", Parameters);
            json.WriteStartObject("metrics");
            foreach (var (name, value) in Metrics.OrderBy(metric => metric.Key, StringComparer.Ordinal))
            {
                json.WriteNumber(name, value);
            }

            json.WriteEndObject();
            json.WriteStartArray("gates");
            foreach (var gate in Gates)
            {
                json.WriteStartObject();
                json.WriteString("name", gate.Name);
                json.WriteNumber("value", gate.Value);
                json.WriteString("limit", gate.Limit);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }
}

/// <summary>A gate that a finished model has passed.</summary>
/// <param name="Name">The gate, e.g. <c>size</c>.</param>
/// <param name="Value">The measured value.</param>
/// <param name="Limit">The limit as the recipe states it, e.g. <c>max 25%</c>.</param>
public sealed record ManifestGate(string Name, double Value, string Limit);
