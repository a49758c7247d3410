using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// SmoothQuant (Xiao et al., ICML 2023): what is large in few channels of an activation goes into the rows of the weights that read it, so that
/// the integers of the activation are finer for all others. Only where the constants in front of it take the scales (<see cref="ChannelScaling"/>):
/// a multiplication of its own would cost more time than the integers gain.
/// </summary>
internal static class Smoothing
{
    /// <summary>Smooths the inputs of MatMul and Gemm layers.</summary>
    /// <param name="model">The model, with shapes; it computes what it did, up to rounding.</param>
    /// <param name="layers">The layers that will be quantized.</param>
    /// <param name="alpha">How much moves into the weights, from 0 to 1.</param>
    /// <param name="inputs">The inputs of the calibration.</param>
    /// <param name="context">The stage's context.</param>
    /// <param name="progress">The share of the stage's progress that this has, from and to.</param>
    /// <returns>The names of the layers whose input is smoothed, and why those of others are not.</returns>
    /// <exception cref="CompressToolException">No layer's input can be smoothed (CMP4002), or some are not finite.</exception>
    public static JsonObject Run(Model model, IReadOnlyList<Layer> layers, double alpha, ICalibrationInputs inputs, StageContext context, (double From, double To) progress)
    {
        var (done, left) = (new JsonArray(), new JsonArray());
        var byNode = ChannelScaling.LayersByNode(model.Graph);
        var groups = new List<Group>();
        foreach (var inputsOfLayers in layers.Where(layer => layer.Kind is LayerKind.MatMul or LayerKind.Gemm).GroupBy(layer => layer.Node.Inputs[0]!))
        {
            var group = Group.Find(inputsOfLayers.Key, byNode);
            foreach (var layer in inputsOfLayers)
            {
                (group.Scaling.Reason is null ? done : left).Add(group.Scaling.Reason is null ? layer.Name : (JsonNode)new JsonObject { ["name"] = layer.Name, ["reason"] = group.Scaling.Reason });
            }

            if (group.Scaling.Reason is null)
            {
                groups.Add(group);
            }
        }

        if (groups.Count == 0)
        {
            var first = left is [{ } item, ..] ? $"; for example '{item["name"]}': {item["reason"]}" : "";
            throw new CompressToolException(CompressionErrors.NoEffect, $"the inputs of none of the layers can be smoothed (MatMul and Gemm behind constants that take the scales){first}; remove smooth") { OptionPath = "smooth" };
        }

        InputMoments[] moments = [.. groups.Select(group => new InputMoments(group.Scaling.Channels))];
        var observer = new MomentsOperator(moments);
        Calibrator.Run(model, observer, [.. groups.Select((group, index) => (Func<Value>)(() => observer.Watch(group.Input, index)))], inputs, context, progress);
        foreach (var (group, seen) in groups.Zip(moments))
        {
            group.Smooth(seen.Largest, alpha);
        }

        return new JsonObject { ["smoothed"] = done, ["notSmoothed"] = left };
    }

    /// <summary>A value, and the layers that read it.</summary>
    private sealed record Group(Value Input, IReadOnlyList<Layer> Layers, ChannelScaling Scaling)
    {
        /// <summary>All products that read a value, also those that will not be quantized: their rows are scaled as well.</summary>
        public static Group Find(Value input, IReadOnlyDictionary<Node, Layer> byNode)
        {
            Layer[] layers = [.. input.Uses.Select(use => byNode.GetValueOrDefault(use.Node)).OfType<Layer>().Distinct().Where(layer => Fits(layer, input))];
            return new Group(input, layers, ChannelScaling.Find(input, [.. layers.SelectMany(layer => layer.Uses).Select(use => use.Node)], byNode));
        }

        public void Smooth(ReadOnlySpan<float> largest, double alpha)
        {
            var weights = new float[largest.Length];
            foreach (var layer in Layers)
            {
                RaiseToRows(MatrixLayers.Weight(layer), weights);
            }

            if (largest.ContainsAnyExceptInRange(0, float.MaxValue))
            {
                throw new CompressToolException(CompressionErrors.UnsuitableModel, $"some numbers of '{Input.Name}' are infinite or not numbers for the calibration's inputs; check these, or remove smooth") { OptionPath = "smooth" };
            }

            var scales = SmoothScales.Find(largest, weights, alpha);
            Scaling.Divide(scales);
            foreach (var layer in Layers)
            {
                ChannelScaling.MultiplyRows(layer, scales);
            }
        }

        private static bool Fits(Layer layer, Value input) => layer.Kind is LayerKind.MatMul or LayerKind.Gemm && layer.Uses.All(use => use.Index == 1 && use.Node.Inputs[0] == input)
            && MatrixLayers.Unfit(layer) is null && ChannelScaling.Unfit(layer) is null;

        private static void RaiseToRows(WeightMatrix matrix, Span<float> largest)
        {
            using var view = matrix.Tensor.Data.View();
            var width = Math.Max(1, Math.Min(matrix.N, (1 << 22) / matrix.K));
            for (var first = 0; first < matrix.N; first += width)
            {
                SmoothScales.RaiseToRows(matrix.ReadColumns(view, first, Math.Min(width, matrix.N - first)), largest);
            }
        }
    }
}
