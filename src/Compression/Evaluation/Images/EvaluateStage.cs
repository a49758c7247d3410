using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Data;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Metrics;
using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation.Images;

/// <summary>The <c>evaluate</c> stage: measures the images that a diffusion model draws. The model stays as it is; gates look at the figures.</summary>
public sealed class EvaluateStage : Stage<EvaluateOptions>
{
    /// <summary>The kind of the stage, by which gates find its figures.</summary>
    public const string Kind = "evaluate";

    /// <summary>The grid of the model's samples in the stage's artifact.</summary>
    public const string SamplesFile = "samples.png";

    /// <summary>The grid of the input model's samples.</summary>
    public const string InputSamplesFile = "input-samples.png";

    /// <inheritdoc/>
    public override StageInfo Info { get; } = new(
        Kind,
        Version: 1,
        "Measures the images that a diffusion model draws, and changes nothing: the Fréchet and the kernel distance of their features from those of reference images, precision and "
            + "recall, how alike they are to what the input model draws from the same noise (SSIM, PSNR, LPIPS), the CLIP score, and multiplications for each image. Every figure has its number of "
            + "images and an interval of 95 % confidence. As the last stage its figures can be gates: fid, kid, precision, recall, ssim, image-psnr, lpips, clip-score, macs-per-image.",
        "evaluate: { samples: { count: 1000, steps: 20, sampler: dpm++2m }, reference: { images: train } }")
    {
        RunShare = 0.99,
    };

    /// <inheritdoc/>
    protected override void Validate(EvaluateOptions options, OptionErrors errors)
    {
        options.Samples.Check("samples.", errors);
        if (options.Samples.Count < 5)
        {
            errors.Add("samples.count", "distances of sets of images need at least 5 samples; for figures worth the name take 1000 or more");
        }

        if (options.Samples.Size.Count > 2)
        {
            errors.Add("samples.size", "give one number, or height and width");
        }

        if (options.Reference is { } reference)
        {
            if ((reference.Images is null) == (reference.Shapes is null))
            {
                errors.Add("reference", "give one of images and shapes");
            }

            ImageData.Check(reference, "reference.", errors);
        }

        if (options.Features is { Model: null } and not { Output: null, Size: [], Mean: [0.5], Deviation: [0.5] })
        {
            errors.Add("features", "these describe a model of yours; name it with features.model");
        }

        if (options.Features.Size.Count > 2 || options.Features.Mean.Count is not (1 or 3) || options.Features.Deviation.Count is not (1 or 3))
        {
            errors.Add("features", "size is one number or two, mean and deviation are one or three");
        }
    }

    /// <inheritdoc/>
    protected override bool DependsOnMachine(EvaluateOptions options) => true;

    /// <inheritdoc/>
    protected override StageResult Run(Model model, EvaluateOptions options, StageContext context)
    {
        var engine = new OnnxRuntimeEngine();
        using var samples = new EvaluationSamples(options, context, engine);
        var compares = context.SourcePath is not null && context.SourcePath != model.Path;
        var pictures = samples.Draw(model, "the model", 0, compares ? 0.45 : 0.9);
        using var source = compares ? Model.Load(context.SourcePath!) : null;
        var inputPictures = source is null ? null : samples.Draw(source, "the input model", 0.45, 0.45);
        if (inputPictures is not null && (inputPictures[0].Width, inputPictures[0].Height, inputPictures[0].Channels) != (pictures[0].Width, pictures[0].Height, pictures[0].Channels))
        {
            throw new CompressToolException(CompressionErrors.UnsuitableModel, "the model and the recipe's input model draw images of different sizes");
        }

        context.Report(0.9, "comparing features");
        var comparison = new ImageComparison();
        var reference = samples.Reference;
        if (reference is not null || inputPictures is not null)
        {
            using var features = OpenFeatures(options.Features, engine);
            comparison.AddDistances(features, reference, pictures, inputPictures, (ulong)context.Seed, context.CancellationToken);
        }

        if (inputPictures is not null)
        {
            using var lpips = options.Lpips is { } path ? new PerceptualDistance(engine, path.FullPath) : null;
            comparison.AddPairs(pictures, inputPictures, lpips, context.CancellationToken);
        }

        if (options.Clip is { } clip)
        {
            comparison.AddCaptions(engine, clip.Model!.FullPath, Captions(clip), pictures, inputPictures, context.CancellationToken);
        }

        var files = new Dictionary<string, byte[]> { [SamplesFile] = PictureFile.Encode(SampleGrid.Of(pictures)) };
        if (inputPictures is not null)
        {
            files[InputSamplesFile] = PictureFile.Encode(SampleGrid.Of(inputPictures));
        }

        return new StageResult(model, Describe(comparison, samples, options, model, source, reference?.Count)) { Files = files };
    }

    private static JsonObject Describe(ImageComparison comparison, EvaluationSamples samples, EvaluateOptions options, Model model, Model? source, int? reference) => new()
    {
        ["samples"] = options.Samples.Count,
        ["sampler"] = options.Samples.Sampler,
        ["steps"] = samples.Sampling.Steps,
        ["evaluations"] = samples.Sampling.Evaluations,
        ["guidance"] = options.Samples.Guidance,
        ["features"] = options.Features.Model?.Text ?? FeatureExtractor.DefaultName,
        ["reference"] = reference is { } count ? string.Create(CultureInfo.InvariantCulture, $"{count} images") : source is null ? "none" : "samples of the input model",
        ["figures"] = new JsonObject(comparison.Figures.Select(figure => KeyValuePair.Create<string, JsonNode?>(figure.Name, figure.ToJson()))),
        ["perImage"] = samples.CostOf(model).ToJson(),
        ["inputPerImage"] = source is null ? null : samples.CostOf(source).ToJson(),
    };

    private static FeatureExtractor OpenFeatures(FeatureOptions options, IEngine engine)
    {
        try
        {
            return options.Model is null ? FeatureExtractor.OpenDefault(engine) : FeatureExtractor.Open(engine, options.Model.FullPath, new ImageModelOptions
            {
                Output = options.Output,
                Size = options.Size switch { [var side] => (side, side), [var height, var width] => (height, width), _ => null },
                Mean = options.Mean,
                Deviation = options.Deviation,
            });
        }
        catch (CompressToolException e)
        {
            e.OptionPath ??= "features.model";
            throw;
        }
    }

    private static FeatureSet Captions(ClipOptions options)
    {
        var tensor = NpyFile.Read(options.Captions!.FullPath);
        if (tensor is not { Type: DataType.Float or DataType.Double or DataType.Float16, Dims.Count: 2 })
        {
            throw new CompressToolException(CompressionErrors.InvalidTraining, $"'{options.Captions}' is {tensor}; embeddings of captions are float32 [samples, embedding]") { OptionPath = "clip.captions" };
        }

        var rows = new FeatureSet((int)tensor.Dims[1]);
        rows.Add(tensor.ToFloats());
        return rows;
    }
}
