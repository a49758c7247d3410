using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Aware;
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
/// <param name="layout">How the integers are laid out.</param>
/// <param name="context">The stage's context.</param>
internal sealed class StaticQuantizer(Model model, QuantizeOptions options, IntegerLayout layout, StageContext context)
{
    /// <summary>Where in the stage's progress training ends.</summary>
    private const double TrainingShare = 0.8;

    /// <summary>The share that is done when the layers have been compared with their float32 selves.</summary>
    private const double NoiseShare = 0.9;

    private readonly ActivationType _type = layout.Activations;
    private readonly string _domain = DomainOf(model, layout.Activations);
    private readonly bool _isDiffusion = Diffusion.Sampling.DenoiserInputs.Find(model.Graph) is not null;

    /// <summary>Quantizes the model in place. Large weights are computed when the model is saved.</summary>
    /// <returns>The metrics.</returns>
    /// <exception cref="CompressToolException">No layer can be quantized, one that the recipe names cannot, or there is nothing to calibrate with.</exception>
    public JsonObject Run()
    {
        using var inputs = CalibrationSource.Open(model, options.Calibration, context);
        using var training = options.Training is { } wish ? AwareTraining.Open(model, wish, context.Part(CalibrationShare, TrainingShare)) : null;
        var folded = BatchNormalizationFolding.Run(model);
        ShapeInference.Run(model);
        var (layers, skipped, kept) = Choose();
        layers.ForEach(StaticLayer.SplitBias);
        var slower = options.OnlyFaster ?? false ? RemoveSlower(layers) : null;
        var accuracy = new AccuracyMethods(model, options, options.BiasCorrection ?? !_isDiffusion, inputs, context);
        accuracy.Smooth(layers, (0, CalibrationStart));
        var ranges = ActivationRanges.Find(model, layers, IsEverywhere, options.SplitShortcuts ?? (_isDiffusion ? null : false), layout, options.Calibration, inputs, context, (CalibrationStart, CalibrationShare));
        var (range, perChannel) = (IntegerRange.Signed(ReducesRange), options.PerChannel ?? true);
        var parameters = ranges.Parameters.ToDictionary(item => item.Key.Name, item => item.Value);
        var trained = training?.Run(copy => new FakeQuantization(copy, layout, _domain, range, perChannel).Insert(layers, IsEverywhere, parameters));

        var quantized = layers.ConvertAll(layer => new StaticLayer(layer, range, perChannel, layout.HasIntegerBiases));
        var errors = quantized.ConvertAll(layer => Quantize(layer, ranges));
        accuracy.Round(quantized, errors, (RoundingStart, NoiseStart));
        var noise = accuracy.Correct(new LayerNoise(model, _type, _domain, value => ranges[value], ranges.Plan.Results), quantized, (NoiseStart, NoiseShare));
        var fallback = options.MinSnr is { } least ? FallBack(least, ranges, quantized, inputs) : null;
        int[] chosen = [.. Enumerable.Range(0, layers.Count).Where(number => fallback?.Quantized[number] != false)];
        var last = fallback is null ? ranges.Plan : PlanOf(chosen.Select(number => layers[number]));

        var described = new JsonArray([.. chosen.Select(number => Describe(quantized[number], errors[number], noise[number], accuracy))]);
        var before = chosen.Sum(number => layers[number].Tensor.ByteLength);

        var writer = new QdqWriter(model.Graph, _type, _domain);
        foreach (var (index, number) in chosen.Index())
        {
            context.Report(NoiseShare + ((1 - NoiseShare) * index / chosen.Length), layers[number].Name);
            quantized[number].Write(writer);
        }

        ActivationPairs.Write(last, writer, _type, source => ranges[source]);
        model.LeaveFile();
        skipped.Warn(context);
        var metrics = new JsonObject
        {
            ["quantizedLayers"] = chosen.Length,
            ["quantizedNodes"] = last.Nodes.Count,
            ["quantizedActivations"] = last.Values.Select(last.SourceOf).Distinct().Count(),
            ["foldedNormalizations"] = folded,
            ["split"] = new JsonArray([.. ranges.Split.Select(layer => (JsonNode)layer)]),
            ["calibrationRuns"] = inputs.Runs,
            ["reduceRange"] = ReducesRange,
            ["weightBytesBefore"] = before,
            ["weightBytesAfter"] = chosen.Sum(number => BytesOf(quantized[number])),
            ["layers"] = described,
            ["skipped"] = skipped.ToJson(),
            ["kept"] = new JsonArray([.. kept.Select(layer => (JsonNode)layer)]),
        };
        if (layout.Backend is { } backend)
        {
            metrics["backend"] = backend;
        }

        accuracy.Describe(metrics);
        if (fallback is not null)
        {
            Describe(fallback, layers, metrics);
        }

        if (slower is not null)
        {
            metrics["slower"] = slower;
        }

        if (trained is not null)
        {
            metrics["training"] = trained;
        }

        if (layout == IntegerLayout.Of(IntegerLayout.Own))
        {
            metrics["runtime"] = FusionReport.Create(model, context);
        }

        return metrics;
    }

    private bool IsEverywhere => layout.HasIntegersBetween && (options.Between ?? !_isDiffusion);

    /// <summary>The share of the stage's progress that calibration has.</summary>
    private double CalibrationShare => options.Training is not null ? 0.1 : LearnsRounding ? 0.3 : 0.7;

    /// <summary>The share that is done when activations have been smoothed.</summary>
    private double CalibrationStart => options.Smooth is null ? 0 : CalibrationShare / 2;

    private bool LearnsRounding => options.Rounding is not (null or WeightRounding.Nearest);

    /// <summary>The share that is done when weights have been trained.</summary>
    private double RoundingStart => options.Training is null ? CalibrationShare : TrainingShare;

    /// <summary>The share that is done when weights have found their integers.</summary>
    private double NoiseStart => LearnsRounding ? (RoundingStart + NoiseShare) / 2 : RoundingStart;

    /// <summary>Products of 8 bits saturate on x64 processors without VNNI unless weights have 7 bits.</summary>
    private bool ReducesRange => options.ReduceRange ?? (layout == IntegerLayout.X64 && Runtime.CpuCapabilities.Current is { Architecture: "x64", Avx512Vnni: false, AvxVnni: false });

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

    private static long BytesOf(StaticLayer layer) => layer.Stored.Sum(part => part.ByteLength);

    private static JsonObject Describe(StaticLayer layer, WeightErrorSums error, double? noise, AccuracyMethods accuracy)
    {
        var metrics = new JsonObject
        {
            ["name"] = layer.Layer.Name,
            ["shape"] = new JsonArray([.. layer.Layer.Tensor.Dims.Select(dim => (JsonNode)dim)]),
            ["bytes"] = BytesOf(layer),
            ["snrDb"] = error.SnrDb,
            ["maxAbsError"] = error.MaxAbsError,
            ["outputSnrDb"] = noise,
        };
        accuracy.Describe(layer, metrics);
        return metrics;
    }

    private static void Describe(FallbackChoice fallback, List<Layer> layers, JsonObject metrics)
    {
        metrics["fallback"] = new JsonArray([.. layers.Index().Where(item => !fallback.Quantized[item.Index]).Select(item => (JsonNode)item.Item.Name)]);
        metrics["snrDb"] = double.IsFinite(fallback.SnrDb) ? Math.Round(fallback.SnrDb, 2) : null;
        metrics["sensitivity"] = new JsonObject(layers.Index().Select(item => KeyValuePair.Create(item.Item.Name, (JsonNode?)Math.Round(Math.Min(fallback.Alone[item.Index], 999), 2))));
    }

    private StaticPlan PlanOf(IEnumerable<Layer> layers) => StaticPlan.Of(model.Graph, layers, IsEverywhere, layout);

    private WeightErrorSums Quantize(StaticLayer layer, ActivationRanges ranges)
    {
        var error = layer.Quantize(value => ranges[value].Scale, context.CancellationToken);
        return error.IsFinite ? error
            : throw new CompressToolException(CompressionErrors.UnsuitableModel, $"some weights of the layer '{layer.Layer.Name}' are infinite or not numbers; leave it out") { OptionPath = "layers.exclude" };
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

    /// <summary>Leaves out the layers that take longer in integers than in float32; each one that goes may change what its neighbours cost.</summary>
    private JsonArray RemoveSlower(List<Layer> layers)
    {
        var (speed, removed) = (new LayerSpeed(model, _type, options.PerChannel ?? true, context.CancellationToken), new JsonArray());
        context.Report(0, "time of layers");
        while (true)
        {
            var plan = PlanOf(layers);
            var slower = layers.Select(layer => (Layer: layer, Time: speed.Measure(layer, plan))).Where(item => item.Time is { } time && time.Integer >= time.Float).ToArray();
            if (slower.Length == 0)
            {
                return removed;
            }

            foreach (var (layer, time) in slower)
            {
                layers.Remove(layer);
                removed.Add((JsonNode)new JsonObject { ["name"] = layer.Name, ["floatMs"] = Math.Round(time!.Value.Float, 3), ["integerMs"] = Math.Round(time.Value.Integer, 3) });
            }

            if (layers.Count == 0)
            {
                throw new CompressToolException(CompressionErrors.NoEffect, "this machine computes no layer faster in 8 bits than in float32; leave only-faster out to quantize for another one, or choose another scheme") { OptionPath = "only-faster" };
            }
        }
    }

    private FallbackChoice FallBack(double least, ActivationRanges ranges, IReadOnlyList<StaticLayer> quantized, ICalibrationInputs inputs)
    {
        var twins = new TwinLayers(model, _type, _domain, value => ranges[value], ranges.Plan.Results);
        using var fallback = new QuantizationFallback(model, twins, quantized, inputs, context);
        string[] activations = [.. ranges.Plan.Values.Select(value => $"{value.Name} {ranges[value]} {ranges.Plan.Results.Contains(value)}"), _type.ToString(), _domain];
        var alone = LayerSensitivity.Measure(fallback, model, quantized, activations, context, Report);
        var choice = fallback.Choose(least, alone, Report);
        if (!choice.Quantized.Any(isQuantized => isQuantized))
        {
            var limit = least.ToString(System.Globalization.CultureInfo.InvariantCulture);
            throw new CompressToolException(CompressionErrors.NoEffect, $"the outputs fall below {limit} dB with any layer that can be quantized; lower min-snr, or choose a scheme of more bits") { OptionPath = "min-snr" };
        }

        return choice;

        void Report(double share, string activity) => context.Report(NoiseShare, activity);
    }
}
