using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Aware;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.Dynamic;
using CompressTool.Compression.Quantization.Float16;
using CompressTool.Compression.Quantization.Static;
using CompressTool.Compression.Quantization.WeightOnly;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization;

/// <summary>The stage <c>quantize</c>: fewer bits for weights, and for activations where the scheme says so.</summary>
public sealed class QuantizeStage : Stage<QuantizeOptions>
{
    /// <summary>The word in the recipe.</summary>
    public const string Kind = "quantize";

    /// <inheritdoc/>
    public override StageInfo Info { get; } = new(
        Kind,
        Version: 3,
        "Stores numbers in fewer bits. fp16 halves the model and suits GPUs; bf16 halves its weights alone, with the range of float32; int8 computes convolutions and matrix products in 8 bits, with ranges that it finds by running the model; int8-dynamic needs no such calibration and is slower; "
            + "int8-weights and int4 shrink the weights of matrix products to about 30% and 16% and leave convolutions alone, which suits transformers and "
            + "text encoders, and with method gptq or awq lose much less, for data to look at the model with. Prune first, quantize last, and int8 or int4 before fp16. Layers whose precision matters, often the first and the last one, "
            + "are left out with layers.exclude.",
        "quantize: { scheme: int4, block-size: 32, layers: { exclude: [\"time_embedding.*\", proj_out] } }");

    /// <inheritdoc/>
    protected override void Validate(QuantizeOptions options, OptionErrors errors)
    {
        var (weightOnly, calibrated, hasRanges) = (IsWeightOnly(options), IsCalibrated(options), HasRanges(options));
        var measured = options.Scheme == QuantizationScheme.Fp16;
        Only(options.Scheme is QuantizationScheme.Fp16 or QuantizationScheme.Bf16, options.KeepIoTypes, "keep-io-types", "fp16 and bf16");
        Only(weightOnly, options.BlockSize, "block-size", "int8-weights and int4");
        Only(weightOnly, options.Symmetric, "symmetric", "int8-weights and int4");
        Only(weightOnly, options.AccuracyLevel, "accuracy-level", "int8-weights and int4");
        Only(weightOnly, options.Method, "method", "int8-weights and int4");
        Only(weightOnly, options.LowRank, "low-rank", "int8-weights and int4");
        Only(weightOnly, options.Form, "form", "int8-weights and int4");
        Only(hasRanges || options.Scheme == QuantizationScheme.Int8Dynamic, options.PerChannel, "per-channel", "int8, int16 and int8-dynamic");
        Only(options.Scheme is QuantizationScheme.Int8 or QuantizationScheme.Int8Dynamic, options.ReduceRange, "reduce-range", "int8 and int8-dynamic");
        Only(calibrated || measured, options.Calibration, "calibration", "int8, int16 and fp16, and to int8-weights and int4 with method gptq or awq");
        Only(hasRanges, options.Between, "between", "int8 and int16");
        Only(hasRanges, options.Smooth, "smooth", "int8 and int16");
        Only(hasRanges, options.Rounding, "rounding", "int8 and int16");
        Only(hasRanges, options.BiasCorrection, "bias-correction", "int8 and int16");
        Only(hasRanges, options.MinSnr, "min-snr", "int8 and int16");
        Only(options.Scheme == QuantizationScheme.Int8, options.Backend, "backend", "int8");
        Only(options.Scheme == QuantizationScheme.Int8, options.OnlyFaster, "only-faster", "int8");
        Only(hasRanges, options.SplitShortcuts, "split-shortcuts", "int8 and int16");
        Only(hasRanges, options.KeepEnds, "keep-ends", "int8 and int16");
        Only(hasRanges, options.Training, "training", "int8 and int16");
        CheckBackend(options, errors);
        AwareTraining.Validate(hasRanges ? options.Training : null, errors);
        CalibrationSource.Validate(calibrated || measured ? options.Calibration : null, errors, hasRanges);
        if (weightOnly)
        {
            WeightOnlyQuantizer.Validate(options, errors);
        }

        void Only(bool reads, object? value, string option, string schemes)
        {
            if (!reads && value is not null)
            {
                errors.Add(option, $"{option} belongs to scheme {schemes}; remove it");
            }
        }
    }

    /// <inheritdoc/>
    protected override bool DependsOnMachine(QuantizeOptions options) => IsCalibrated(options) || options.Calibration is not null;

    /// <inheritdoc/>
    protected override StageResult Run(Model model, QuantizeOptions options, StageContext context)
    {
        using var inputs = options.Scheme == QuantizationScheme.Fp16 && options.Calibration is not null ? CalibrationSource.Open(model, options.Calibration, context) : null;
        var metrics = options.Scheme switch
        {
            QuantizationScheme.Fp16 => PrecisionQuantizer.Run(model, options.Layers, ShortFloat.Float16, options.KeepIoTypes ?? true, context, inputs?.ReadAll(context.CancellationToken).Select(feeds => feeds.Arrays)),
            QuantizationScheme.Bf16 => PrecisionQuantizer.Run(model, options.Layers, ShortFloat.BFloat16, options.KeepIoTypes ?? true, context),
            QuantizationScheme.Int8 => new StaticQuantizer(model, options, IntegerLayout.Of(options.Backend ?? IntegerLayout.Own), context).Run(),
            QuantizationScheme.Int16 => new StaticQuantizer(model, options, IntegerLayout.Int16, context).Run(),
            QuantizationScheme.Int8Dynamic => Dynamic(),
            QuantizationScheme.Int8Weights => WeightOnlyQuantizer.Run(model, options, 8, context),
            _ => WeightOnlyQuantizer.Run(model, options, 4, context),
        };

        // From version 4 of the format on, a constant need not be an input as well.
        model.IrVersion = Math.Max(model.IrVersion, 4);
        return new StageResult(model, metrics);

        JsonObject Dynamic()
        {
            OpsetVersions.Require(model, "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger");
            return Layerwise(new DynamicScheme(options.PerChannel ?? true, options.ReduceRange ?? false));
        }

        JsonObject Layerwise(ILayerScheme scheme) =>
            LayerQuantization.Run(model, LayerSelection.Select(Layers.Find(model.Graph), options.Layers), scheme, context);
    }

    private static void CheckBackend(QuantizeOptions options, OptionErrors errors)
    {
        if (options is not { Scheme: QuantizationScheme.Int8, Backend: { } backend })
        {
            return;
        }

        if (backend == QuantizationBackend.TensorRt && options.Between == true)
        {
            errors.Add("between", "TensorRT decides by itself what it computes in integers between layers; remove between");
        }

        if (backend != QuantizationBackend.X64 && options.ReduceRange == true)
        {
            errors.Add("reduce-range", "7 bits are for x64 processors, and the backend is another one; remove reduce-range");
        }

        if (backend != IntegerLayout.Own && options.OnlyFaster == true)
        {
            errors.Add("only-faster", "only-faster measures layers on this machine, which is not the backend; remove one of the two");
        }
    }

    private static bool IsCalibrated(QuantizeOptions options) => HasRanges(options) || (IsWeightOnly(options) && WeightOnlyQuantizer.IsCalibrated(options.Method));

    private static bool IsWeightOnly(QuantizeOptions options) => options.Scheme is QuantizationScheme.Int4 or QuantizationScheme.Int8Weights;

    private static bool HasRanges(QuantizeOptions options) => options.Scheme is QuantizationScheme.Int8 or QuantizationScheme.Int16;
}
