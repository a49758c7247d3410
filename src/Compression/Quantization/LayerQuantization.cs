using System.Text.Json.Nodes;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Quantization;

/// <summary>A scheme that replaces layers one by one.</summary>
internal interface ILayerScheme
{
    /// <summary>The layers it is for; others are left alone without a word unless the recipe names them.</summary>
    IReadOnlyList<LayerKind> Kinds { get; }

    /// <summary>Why it cannot quantize a layer of these kinds; null when it can.</summary>
    string? Unfit(Layer layer);

    /// <summary>Quantizes a layer in place.</summary>
    /// <param name="layer">A layer that fits.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>What stands for the weight now, and how far the weights moved; when that is not finite, nothing was changed.</returns>
    (IReadOnlyList<Tensor> Stored, WeightErrorSums Error) Quantize(Layer layer, CancellationToken cancellationToken);

    /// <summary>Adds to the metrics of a quantized layer what only the scheme knows.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="metrics">Its metrics.</param>
    void Describe(Layer layer, JsonObject metrics)
    {
    }
}

/// <summary>Runs a scheme over the selected layers and reports what it did.</summary>
internal static class LayerQuantization
{
    /// <summary>Quantizes the selected layers in place. Large tensors are computed when the model is saved.</summary>
    /// <param name="model">The model.</param>
    /// <param name="selection">The layers.</param>
    /// <param name="scheme">The scheme.</param>
    /// <param name="context">The stage's context.</param>
    /// <param name="start">The stage's progress before this.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="CompressToolException">No layer can be quantized, or one that the recipe names cannot.</exception>
    public static JsonObject Run(Model model, LayerSelection selection, ILayerScheme scheme, StageContext context, double start = 0)
    {
        var skipped = new SkippedLayers(selection);
        var (before, after) = (0L, 0L);
        var done = new JsonArray();
        foreach (var (number, layer) in selection.Layers.Index())
        {
            context.Report(start + ((1 - start) * number / selection.Layers.Count), layer.Name);
            if (!scheme.Kinds.Contains(layer.Kind))
            {
                if (selection.ExplicitPath(layer) is not null)
                {
                    skipped.Add(layer, $"the scheme quantizes {string.Join(", ", scheme.Kinds)}, not {layer.Kind}");
                }

                continue;
            }

            if (scheme.Unfit(layer) is { } reason)
            {
                skipped.Add(layer, reason);
                continue;
            }

            var tensor = layer.Tensor;
            var (stored, error) = scheme.Quantize(layer, context.CancellationToken);
            if (!error.IsFinite)
            {
                skipped.Add(layer, "some of its weights are infinite or not a number");
                continue;
            }

            var bytes = stored.Sum(part => part.ByteLength);
            before += tensor.ByteLength;
            after += bytes;
            var metrics = new JsonObject
            {
                ["name"] = layer.Name,
                ["shape"] = new JsonArray([.. tensor.Dims.Select(dim => (JsonNode)dim)]),
                ["bytes"] = bytes,
                ["snrDb"] = error.SnrDb,
                ["maxAbsError"] = error.MaxAbsError,
            };
            scheme.Describe(layer, metrics);
            done.Add((JsonNode)metrics);
        }

        if (done.Count == 0)
        {
            throw NoEffect(scheme, skipped);
        }

        skipped.Warn(context);
        return new JsonObject
        {
            ["quantizedLayers"] = done.Count,
            ["weightBytesBefore"] = before,
            ["weightBytesAfter"] = after,
            ["layers"] = done,
            ["skipped"] = skipped.ToJson(),
            ["unchanged"] = new JsonArray([.. Layers.Find(model.Graph).Select(layer => (JsonNode)layer.Name)]),
        };
    }

    private static CompressToolException NoEffect(ILayerScheme scheme, SkippedLayers skipped)
    {
        var first = skipped.ToJson() is [{ } item, ..] ? $"; for example '{item["name"]}': {item["reason"]}" : "";
        var way = scheme.Kinds.Contains(LayerKind.Conv) ? "" : "; for convolutions use scheme fp16 or int8-dynamic";
        return new CompressToolException(CompressionErrors.NoEffect,
            $"none of the selected layers is one that the scheme can quantize ({string.Join(", ", scheme.Kinds)} with constant weights){first}{way}");
    }
}
