using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.WeightOnly;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>Runs weight-only quantization that looks at the model, without the stage around it.</summary>
internal static class CalibratedRuns
{
    /// <summary>Quantizes all layers of a model that can be.</summary>
    /// <returns>The metrics.</returns>
    public static JsonObject Quantize(Model model, BlockFormat format, ICalibratedRounding rounding, ICalibrationInputs inputs, int threads = 0)
    {
        var selection = LayerSelection.Select(Layers.Find(model.Graph), new LayerSelector());
        var scheme = new BlockwiseScheme(model, format, accuracyLevel: 1, threads, rounding);
        rounding.Run([.. selection.Layers.Where(layer => scheme.Kinds.Contains(layer.Kind) && scheme.Unfit(layer) is null)], inputs, 1);
        return LayerQuantization.Run(model, selection, scheme, new StageContext());
    }
}
