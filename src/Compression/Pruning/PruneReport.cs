using System.Text.Json.Nodes;
using CompressTool.Compression.Stages;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning;

/// <summary>Collects what pruning did to each layer.</summary>
/// <param name="selection">The layers it was told to prune.</param>
/// <param name="isFurtherRound">Whether the layers have been pruned before and may have got there already, which is no mistake then.</param>
internal sealed class PruneReport(LayerSelection selection, bool isFurtherRound = false)
{
    private readonly JsonArray _layers = [];
    private readonly SkippedLayers _skipped = new(selection);
    private long _weights;
    private long _before;
    private long _after;

    /// <summary>Notes a pruned layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="before">Zeros among its weights before.</param>
    /// <param name="after">Zeros among its weights afterwards.</param>
    public void Add(Layer layer, long before, long after)
    {
        var count = layer.Tensor.Count;
        _weights += count;
        _before += before;
        _after += after;
        _layers.Add(new JsonObject
        {
            ["name"] = layer.Name,
            ["shape"] = new JsonArray([.. layer.Tensor.Dims.Select(dim => (JsonNode)dim)]),
            ["sparsityBefore"] = Share(before, count),
            ["sparsity"] = Share(after, count),
        });
    }

    /// <summary>Notes a layer that stays as it is.</summary>
    /// <exception cref="CompressToolException">The recipe names this very layer.</exception>
    public void Skip(Layer layer, string reason)
    {
        if (isFurtherRound)
        {
            var zeros = layer.Tensor.ToFloats().LongCount(weight => weight == 0);
            Add(layer, zeros, zeros);
        }
        else
        {
            _skipped.Add(layer, reason);
        }
    }

    /// <summary>The metrics; warns about skipped layers.</summary>
    /// <exception cref="CompressToolException">No weight changes.</exception>
    public JsonObject Complete(StageContext context)
    {
        if (_after == _before && !isFurtherRound)
        {
            throw new CompressToolException(CompressionErrors.NoEffect, $"pruning would change no weight of the {selection.Layers.Count} selected layers{_skipped.FirstReason}");
        }

        _skipped.Warn(context);
        return new JsonObject
        {
            ["weights"] = _weights,
            ["zerosBefore"] = _before,
            ["zeros"] = _after,
            ["sparsityBefore"] = Share(_before, _weights),
            ["sparsity"] = Share(_after, _weights),
            ["layers"] = _layers,
            ["skipped"] = _skipped.ToJson(),
        };
    }

    /// <summary>The error for weights without a magnitude.</summary>
    public static CompressToolException NotANumber(Layer layer, long count) => new(
        CompressionErrors.UnsuitableModel,
        $"{count} weights of the layer '{layer.Name}' are NaN; export the model again, or leave the layer out with layers.exclude");

    private static double Share(long part, long whole) => whole == 0 ? 0 : part / (double)whole;
}
