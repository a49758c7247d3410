using System.Text.Json.Nodes;
using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression;

/// <summary>Collects the selected layers that a stage cannot change, for one warning and for the metrics.</summary>
/// <param name="selection">What was selected.</param>
public sealed class SkippedLayers(LayerSelection selection)
{
    private const int NamesInWarning = 5;
    private readonly List<(Layer Layer, string Reason)> _items = [];

    /// <summary>How many were skipped.</summary>
    public int Count => _items.Count;

    /// <summary>Notes that a layer is left as it is.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="reason">Why, e.g. <c>3 input channels are not divisible by 4</c>.</param>
    /// <exception cref="CompressToolException">The recipe names this very layer (<see cref="CompressionErrors.SelectedButUnchanged"/>).</exception>
    public void Add(Layer layer, string reason)
    {
        if (selection.ExplicitPath(layer) is { } path)
        {
            throw new CompressToolException(CompressionErrors.SelectedButUnchanged, $"the layer '{layer.Name}' cannot be changed: {reason}") { OptionPath = path };
        }

        _items.Add((layer, reason));
    }

    /// <summary>Warns about the skipped layers, if there are any, naming the first few.</summary>
    public void Warn(StageContext context, string optionPath = "layers")
    {
        if (_items.Count == 0)
        {
            return;
        }

        var names = string.Join(", ", _items.Take(NamesInWarning).Select(item => $"{item.Layer.Name} ({item.Reason})"));
        var more = _items.Count > NamesInWarning ? $" and {_items.Count - NamesInWarning} more" : "";
        context.AddWarning(CompressionErrors.LayersSkipped, $"{_items.Count} of {selection.Layers.Count} layers were skipped: {names}{more}", optionPath);
    }

    /// <summary>The reason of the first, as the end of a message (<c>; conv_in: 3 is odd</c>); empty when none was skipped.</summary>
    public string FirstReason => _items.Count == 0 ? "" : $"; {_items[0].Layer.Name}: {_items[0].Reason}";

    /// <summary>All of them, for the metrics: name and reason.</summary>
    public JsonArray ToJson() => [.. _items.Select(item => (JsonNode)new JsonObject { ["name"] = item.Layer.Name, ["reason"] = item.Reason })];
}
