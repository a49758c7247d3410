using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Passes;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>The schemes int8-weights and int4.</summary>
internal static class WeightOnlyQuantizer
{
    /// <summary>The share of the stage's progress that comes before layers are replaced, where the model is looked at.</summary>
    private const double CalibrationShare = 0.95;

    /// <summary>Whether a method looks at the model while it runs.</summary>
    public static bool IsCalibrated(RoundingMethod? method) => method is RoundingMethod.Gptq or RoundingMethod.Awq;

    /// <summary>Checks what the types of the options cannot say.</summary>
    /// <param name="options">Options with one of these schemes.</param>
    /// <param name="errors">Takes the errors.</param>
    public static void Validate(QuantizeOptions options, OptionErrors errors)
    {
        if (options.BlockSize is { } size and not (16 or 32 or 64 or 128 or 256))
        {
            errors.Add("block-size", $"block-size {size} is not one of 16, 32, 64, 128, 256");
        }

        if (options.AccuracyLevel is not null && options.Form == WeightForm.Qdq)
        {
            errors.Add("accuracy-level", "accuracy-level belongs to form matmulnbits; remove it (ONNX Runtime takes that of form qdq from the session's options)");
        }

        if (options.LowRank is not null && options.Method == RoundingMethod.Awq)
        {
            errors.Add("low-rank", "low-rank goes with method nearest or gptq: the ranges that awq clips are those of the whole weight; remove one of the two");
        }
    }

    /// <summary>Quantizes the selected layers of a model in place.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The options of the stage.</param>
    /// <param name="bits">Bits of a code: 4 or 8.</param>
    /// <param name="context">The stage's context.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="CompressToolException">No layer can be quantized, one that the recipe names cannot, there is nothing to calibrate with, or the
    /// model's opset cannot be raised.</exception>
    public static JsonObject Run(Model model, QuantizeOptions options, int bits, StageContext context)
    {
        var format = new BlockFormat(bits, options.BlockSize ?? 32, options.Symmetric ?? true);
        var form = options.Form ?? WeightForm.MatMulNBits;
        if (form == WeightForm.Qdq)
        {
            OpsetRaising.Run(model, OpsetRaising.BlockedDequantization);
        }

        var selection = LayerSelection.Select(Layers.Find(model.Graph), options.Layers);
        var lowRank = options.LowRank is { } rank ? new LowRankSplit(rank) : null;
        ICalibratedRounding? rounding = options.Method switch
        {
            RoundingMethod.Gptq => new GptqRounding(model, format, context),
            RoundingMethod.Awq => new AwqRounding(model, format, context),
            _ => null,
        };
        var scheme = new BlockwiseScheme(model, format, options.AccuracyLevel ?? 4, rounding: rounding, lowRank: lowRank, form: form);
        if (rounding is null)
        {
            return LayerQuantization.Run(model, selection, scheme, context);
        }

        Layer[] layers = [.. selection.Layers.Where(layer => scheme.Kinds.Contains(layer.Kind) && scheme.Unfit(layer) is null)];
        using var inputs = layers.Length > 0 ? CalibrationSource.Open(model, options.Calibration, context) : null;
        if (inputs is not null)
        {
            // The weights that are rounded are the residuals; the model computes what it did.
            Array.ForEach(layers, layer => lowRank?.Split(layer, context.CancellationToken));
            rounding.Run(layers, inputs, CalibrationShare);
        }

        var metrics = LayerQuantization.Run(model, selection, scheme, context, CalibrationShare);
        metrics["calibrationRuns"] = inputs!.Runs;
        metrics["calibrationPasses"] = rounding.Passes;
        return metrics;
    }
}
