using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;
using CompressTool.Onnx.Passes;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// Quantizes weights and activations with fixed scales: finds the ranges of activations, and writes QuantizeLinear and DequantizeLinear where
/// ONNX Runtime (and TensorRT) make integer operators of what lies between them.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="options">The options of the stage.</param>
/// <param name="type">The integers of activations.</param>
/// <param name="context">The stage's context.</param>
internal sealed class StaticQuantizer(Model model, QuantizeOptions options, ActivationType type, StageContext context)
{
    /// <summary>The share of the stage's progress that calibration has.</summary>
    private const double CalibrationShare = 0.7;

    /// <summary>The share that is done when the layers have been compared with their float32 selves.</summary>
    private const double NoiseShare = 0.85;

    private readonly Dictionary<Value, AffineParameters> _parameters = [];

    /// <summary>Quantizes the model in place. Large weights are computed when the model is saved.</summary>
    /// <returns>The metrics.</returns>
    /// <exception cref="CompressToolException">No layer can be quantized, one that the recipe names cannot, or there is nothing to calibrate with.</exception>
    public JsonObject Run()
    {
        var domain = DomainOf(model, type);
        using var inputs = CalibrationSource.Open(model, options.Calibration, context);
        var folded = BatchNormalizationFolding.Run(model);
        ShapeInference.Run(model);
        var (layers, skipped, kept) = Choose();
        layers.ForEach(StaticLayer.SplitBias);
        var isDiffusion = Diffusion.Sampling.DenoiserInputs.Find(model.Graph) is not null;
        var plan = new StaticPlan(model.Graph, layers.SelectMany(layer => layer.Uses).Select(use => use.Node).ToHashSet(), options.Between ?? !isDiffusion);
        Calibrate(plan, inputs);

        var writer = new QdqWriter(model.Graph, type, domain);
        var (done, before, after) = (new JsonArray(), 0L, 0L);
        var quantized = layers.ConvertAll(layer => new StaticLayer(layer, IntegerRange.Signed(ReducesRange), options.PerChannel ?? true));
        var errors = quantized.ConvertAll(layer => layer.Quantize(value => _parameters[plan.SourceOf(value)].Scale, context.CancellationToken));
        var noise = new LayerNoise(model, type, domain, value => _parameters[plan.SourceOf(value)], plan.Results).Measure(quantized, inputs, context, (CalibrationShare, NoiseShare));
        foreach (var (number, layer) in layers.Index())
        {
            context.Report(NoiseShare + ((1 - NoiseShare) * number / layers.Count), layer.Name);
            var (tensor, error) = (layer.Tensor, errors[number]);
            if (!error.IsFinite)
            {
                throw new CompressToolException(CompressionErrors.UnsuitableModel, $"some weights of the layer '{layer.Name}' are infinite or not numbers; leave it out") { OptionPath = "layers.exclude" };
            }

            quantized[number].Write(writer);
            var bytes = quantized[number].Stored.Sum(part => part.ByteLength);
            before += tensor.ByteLength;
            after += bytes;
            done.Add((JsonNode)new JsonObject
            {
                ["name"] = layer.Name,
                ["shape"] = new JsonArray([.. tensor.Dims.Select(dim => (JsonNode)dim)]),
                ["bytes"] = bytes,
                ["snrDb"] = error.SnrDb,
                ["maxAbsError"] = error.MaxAbsError,
                ["outputSnrDb"] = noise[number],
            });
        }

        WriteActivations(plan, writer);
        model.LeaveFile();
        skipped.Warn(context);
        var metrics = new JsonObject
        {
            ["quantizedLayers"] = done.Count,
            ["quantizedNodes"] = plan.Nodes.Count,
            ["quantizedActivations"] = _parameters.Count,
            ["foldedNormalizations"] = folded,
            ["calibrationRuns"] = inputs.Runs,
            ["reduceRange"] = ReducesRange,
            ["weightBytesBefore"] = before,
            ["weightBytesAfter"] = after,
            ["layers"] = done,
            ["skipped"] = skipped.ToJson(),
            ["kept"] = new JsonArray([.. kept.Select(layer => (JsonNode)layer)]),
        };
        if (type.Levels <= 256)
        {
            metrics["runtime"] = FusionReport.Create(model, context);
        }

        return metrics;
    }

    /// <summary>Products of 8 bits saturate on x64 processors without VNNI unless weights have 7 bits.</summary>
    private bool ReducesRange => options.ReduceRange ?? (type == ActivationType.UInt8 && Runtime.CpuCapabilities.Current is { Architecture: "x64", Avx512Vnni: false, AvxVnni: false });

    private static string DomainOf(Model model, ActivationType type)
    {
        OpsetVersions.Require(model, "DequantizeLinear");
        if (type.Levels <= 256 || model.Opset >= 21)
        {
            return "";
        }

        OpsetVersions.ImportMicrosoft(model);
        return OpsetVersions.Microsoft;
    }

    private (List<Layer> Layers, SkippedLayers Skipped, List<string> Kept) Choose()
    {
        var selection = LayerSelection.Select(Layers.Find(model.Graph), options.Layers);
        var skipped = new SkippedLayers(selection);
        var ends = options.KeepEnds ?? true ? SensitiveLayers.Find(model) : [];
        var (layers, kept) = (new List<Layer>(), new List<string>());
        foreach (var layer in selection.Layers)
        {
            if (layer.Kind == LayerKind.ConvTranspose)
            {
                skipped.Add(layer, "ONNX Runtime has no transposed convolution in integers");
            }
            else if (StaticLayer.Unfit(layer, model.Graph) is { } reason)
            {
                skipped.Add(layer, reason);
            }
            else if (ends.Contains(layer.Node) && selection.ExplicitPath(layer) is null)
            {
                kept.Add(layer.Name);
            }
            else
            {
                layers.Add(layer);
            }
        }

        if (layers.Count == 0)
        {
            var first = skipped.ToJson() is [{ } item, ..] ? $"; for example '{item["name"]}': {item["reason"]}" : "";
            throw new CompressToolException(CompressionErrors.NoEffect, $"none of the selected layers can be quantized (Conv, MatMul and Gemm with constant weights){first}");
        }

        return (layers, skipped, kept);
    }

    private void Calibrate(StaticPlan plan, ICalibrationInputs inputs)
    {
        var sources = plan.Values.Select(plan.SourceOf).Distinct().ToList();
        var statistics = Calibrator.Run(model, sources, inputs, context, (0, CalibrationShare));
        var method = options.Calibration?.Method ?? CalibrationMethod.Percentile;
        foreach (var source in sources)
        {
            var (smallest, largest) = RangeSelection.Select(statistics[source.Name], method, options.Calibration?.Percentile ?? 99.99, type.Levels);
            _parameters[source] = AffineParameters.Spread(smallest, largest, type.Range);
        }
    }

    private void WriteActivations(StaticPlan plan, QdqWriter writer)
    {
        // Named before constants get their own DequantizeLinear, which is none of them.
        var (nodes, values) = (plan.Nodes.ToHashSet(), plan.Values.ToArray());
        foreach (var node in plan.Nodes.Where(node => !node.Is("Conv") && !node.Is("Gemm") && !node.Is("MatMul")))
        {
            foreach (var (index, constant) in node.Inputs.ToArray().Index().Where(input => input.Item is not null && QuantizedOperators.IsActivation(node, input.Index) && StaticPlan.IsConstant(input.Item)))
            {
                node.SetInput(index, ConstantActivation(constant!, node, writer));
                constant!.RemoveIfUnused();
            }
        }

        foreach (var value in values)
        {
            var source = plan.SourceOf(value);
            writer.AddPair(value, source, _parameters[source], plan.Results.Contains(value), nodes);
        }
    }

    private Value ConstantActivation(Value constant, Node node, QdqWriter writer)
    {
        var numbers = Layers.ConstantOf(constant)!.ToFloats();
        var parameters = AffineParameters.Spread(numbers.Min(), numbers.Max(), type.Range);
        var codes = Array.ConvertAll(numbers, number => (int)Math.Clamp(MathF.Round(number / parameters.Scale, MidpointRounding.ToEven) + parameters.ZeroPoint, type.Range.Low, type.Range.High));
        return writer.AddConstant(constant, type.Integers(Layers.ConstantOf(constant)!.Dims, codes), Tensor.Float(parameters.Scale), type.ZeroPoint(parameters.ZeroPoint), null, node, $"_{node.Outputs[0]!.Name}");
    }
}
