using CompressTool.Compression.Distillation;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Pruning.Blocks;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>Finds what a model is looked at with: the recipe's data, the samples of a diffusion model, or random numbers.</summary>
internal static class CalibrationSource
{
    private const int UsualCount = 256;
    private const int UsualBatch = 4;
    private const int UsualTimesteps = 20;

    /// <summary>Checks what the types of the options cannot say.</summary>
    /// <param name="options">The options; null when the recipe has none.</param>
    /// <param name="errors">Takes the errors.</param>
    /// <param name="findsRanges">Whether the ranges of activations are found with them.</param>
    public static void Validate(CalibrationOptions? options, OptionErrors errors, bool findsRanges = true)
    {
        if (options is null)
        {
            return;
        }

        if (new object?[] { options.Data, options.Samples, options.Random }.Count(given => given is not null) > 1)
        {
            errors.Add("calibration", "data, samples and random are three ways to the same; give one of them");
        }

        options.Samples?.Check("calibration.samples.", errors);
        foreach (var (key, isGiven, isRead, reason) in (IEnumerable<(string, bool, bool, string)>)
        [
            ("count", options.Count is not null, options.Data is not null, "count says how much of data is read"),
            ("samples.decoder", options.Samples?.Decoder is not null, false, "nobody looks at the images"),
            ("batch", options.Batch is not null, options.Data is not null || options.Random is not null, "samples has a batch of its own"),
            ("step-percentile", options.StepPercentile is not null, findsRanges && options.Data is null && options.Random is null, "it clips the ranges of activations over the timesteps of a diffusion model's samples, and there are none"),
            ("timesteps", options.Timesteps is not null, options.Data is null && options.Random is null, "timesteps belongs to the samples of a diffusion model"),
            ("method", options.Method is not null, findsRanges, "calibration.method chooses the ranges of activations, which schemes int8 and int16 have"),
            ("percentile", options.Percentile is not null, findsRanges && (options.Method is null or CalibrationMethod.Percentile), findsRanges ? "percentile belongs to method percentile" : "percentile chooses the ranges of activations, which schemes int8 and int16 have"),
        ])
        {
            if (isGiven && !isRead)
            {
                errors.Add($"calibration.{key}", $"{reason}; remove {key}");
            }
        }

        if (options.Data is { } data)
        {
            var inner = new OptionErrors();
            TrainingValidation.Check(Training(data, UsualBatch), inner);
            foreach (var (key, message) in inner.Items)
            {
                errors.Add($"calibration.{key}", message);
            }
        }
    }

    /// <summary>Opens the inputs.</summary>
    /// <param name="model">The model, as it is in its file.</param>
    /// <param name="options">The options; null when the recipe has none.</param>
    /// <param name="context">The stage's context.</param>
    /// <exception cref="CompressToolException">There is nothing to look at the model with, or it does not fit.</exception>
    public static ICalibrationInputs Open(Model model, CalibrationOptions? options, StageContext context)
    {
        options ??= new CalibrationOptions();
        try
        {
            return options.Data is { } data ? OpenData(model, data, options, context)
                : options.Random is { } random ? OpenRandom(model, random, options.Batch, context)
                : DenoiserInputs.Find(model.Graph) is not null || options.Samples is not null ? OpenSamples(model, options, context)
                : throw NoData();
        }
        catch (CompressToolException e) when (e.OptionPath is { } path && !path.StartsWith("calibration", StringComparison.Ordinal))
        {
            e.OptionPath = "calibration." + path;
            throw;
        }
    }

    private static CompressToolException NoData()
    {
        const string Message = "the model has to be looked at with data, and it is no diffusion model, which could draw samples: "
            + "give calibration: { data: { tensors: inputs.safetensors } }, or, to try things out, calibration: { random: 64 }";
        return new CompressToolException(CompressionErrors.UnsuitableModel, Message) { OptionPath = "calibration" };
    }

    private static SampledInputs OpenSamples(Model model, CalibrationOptions options, StageContext context)
    {
        var samples = options.Samples ?? new CalibrationSampleOptions();
        var timesteps = options.Timesteps ?? Math.Min(UsualTimesteps, samples.Steps ?? UsualTimesteps);
        return SampledInputs.Open(model, samples with { Steps = samples.Steps ?? timesteps }, timesteps, context);
    }

    private static GivenInputs OpenData(Model model, TrainingData data, CalibrationOptions options, StageContext context)
    {
        var batch = BatchOf(model, options.Batch);
        var source = new TrainedModel(model, Training(data, batch), context).OpenData();
        return new GivenInputs(source, [.. InputsOf(model).Select(input => input.Name)], context.Seed, ((options.Count ?? UsualCount) + batch - 1) / batch);
    }

    private static RandomInputs OpenRandom(Model model, int count, int? batch, StageContext context)
    {
        context.AddWarning(CompressionErrors.RandomCalibration, "the model is looked at with random inputs, which real ones are not like; give calibration.data before the model is used", "calibration.random");
        var atOnce = BatchOf(model, batch);
        return new RandomInputs(InputSource.Random(model, new InputOptions { Samples = (count + atOnce - 1) / atOnce, Batch = atOnce, Dims = BlockGraph.LengthsOf(model) }, context.Seed), model);
    }

    /// <summary>The batch that a model is made for, or the one that is wished for.</summary>
    private static int BatchOf(Model model, int? wished) =>
        (int?)(InputsOf(model).MaxBy(input => input.Shape?.Count ?? 0)?.Shape is { Count: > 0 } shape ? shape[0].Value : null) ?? wished ?? UsualBatch;

    private static IEnumerable<Value> InputsOf(Model model) => model.Graph.Inputs.Where(input => input.Initializer is null);

    private static FinetuneOptions Training(TrainingData data, int batch) => new() { Data = data, Batch = batch, Steps = 1 };
}
