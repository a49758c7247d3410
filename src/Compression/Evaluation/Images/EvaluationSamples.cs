using System.Globalization;
using CompressTool.Compression.Data;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Sampling;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion;
using CompressTool.Diffusion.Data;
using CompressTool.Diffusion.Pictures;
using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation.Images;

/// <summary>The samples of an evaluation: drawn once for each model, and kept where they can be.</summary>
internal sealed class EvaluationSamples : IDisposable
{
    private readonly EvaluateOptions _options;
    private readonly StageContext _context;
    private readonly IEngine _engine;
    private readonly LatentDecoder? _decoder;
    private PictureSampling? _sampling;
    private long[]? _shape;

    public EvaluationSamples(EvaluateOptions options, StageContext context, IEngine engine)
    {
        (_options, _context, _engine) = (options, context, engine);
        _decoder = options.Samples.Decoder is { } decoder ? new LatentDecoder(engine.Compile(decoder.FullPath, cancellationToken: context.CancellationToken), new LatentScaling()) : null;
    }

    /// <summary>The images that samples should be like, in the size of samples; null when the recipe names none. Known once samples are drawn.</summary>
    public IReadOnlyList<Picture>? Reference { get; private set; }

    /// <summary>How samples are drawn. Known once they are.</summary>
    public PictureSampling Sampling => _sampling ?? throw new InvalidOperationException("No samples have been drawn.");

    /// <summary>Draws samples of a model, or takes those that were drawn before.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">What progress calls it.</param>
    /// <param name="done">The share of the stage's work that is done.</param>
    /// <param name="share">The share of this.</param>
    public IReadOnlyList<Picture> Draw(Model model, string name, double done, double share)
    {
        _context.Report(done, $"drawing samples from {name}");
        using var denoiser = new Denoiser(_engine.Compile(model, cancellationToken: _context.CancellationToken));
        Prepare(model, denoiser);
        if (_context.Share is null || model.Path is null)
        {
            return Sampling.Draw(denoiser, Report, _context.CancellationToken);
        }

        var samples = _options.Samples;
        var artifact = new SharedArtifact("samples", new Dictionary<string, string>
        {
            ["model"] = TeacherSamples.Fingerprint(model.Path, _context),
            ["scheduler"] = Sampling.Config.ToString(),
            ["options"] = string.Create(CultureInfo.InvariantCulture, $"{samples.Count} {samples.Sampler} {Sampling.Steps} {samples.Guidance:R} {samples.Seed} {samples.Batch}"),
            ["classes"] = string.Create(CultureInfo.InvariantCulture, $"{Sampling.Classes} {Sampling.NullClass}"),
            ["size"] = string.Join('x', _shape!),
            ["files"] = string.Join(' ', Files(samples).Select(file => $"{file.Name}={_context.HashOf(file.Path.FullPath)}")),
            ["engine"] = $"{_engine.Name} {_engine.Version}",
        }, folder => PictureArrays.Write(Path.Combine(folder, FileName), Sampling.Draw(denoiser, Report, _context.CancellationToken), Sampling.Labels, _context.CancellationToken));
        return PictureArrays.Read(Path.Combine(_context.Share(artifact), FileName));

        void Report(double count) =>
            _context.Report(done + (share * count / _options.Samples.Count), string.Create(CultureInfo.InvariantCulture, $"drawing samples from {name}, {count:0} of {_options.Samples.Count}"));
    }

    /// <summary>What an image of a model costs.</summary>
    public ImageCost CostOf(Model model)
    {
        using var decoder = _options.Samples.Decoder is { } path ? Model.Load(path.FullPath) : null;
        return ImageCost.Of(model, Sampling.Evaluations, _shape!, decoder);
    }

    /// <inheritdoc/>
    public void Dispose() => _decoder?.Dispose();

    private const string FileName = "samples.safetensors";

    /// <summary>Sampling is the same for all models; the first tells what it has to be.</summary>
    private void Prepare(Model model, Denoiser denoiser)
    {
        if (_sampling is not null)
        {
            return;
        }

        var options = _options.Samples;
        _shape = denoiser.SampleShape(SampleSize.Of(model, options.Size));
        var reference = OpenReference(_shape);
        _sampling = ModelSampling.Create(options, model, denoiser, _decoder, (long?)reference?.Labels?.Max() + 1);
        Reference = reference is null ? null : PictureArrays.Of(reference.Images);
        if (_decoder is null && Reference is [var first, ..] && (first.Height, first.Width) != (_shape[^2], _shape[^1]))
        {
            throw new CompressToolException(DiffusionErrors.InvalidImageSet, $"the images of the reference have {first.Height} x {first.Width} pixels, and samples {_shape[^2]} x {_shape[^1]}; say with fit how they get that size") { OptionPath = "reference" };
        }
    }

    private ImageSet? OpenReference(long[] shape)
    {
        if (_options.Reference is not { } options)
        {
            return null;
        }

        // Behind a decoder the size of images is not that of samples; then the images' own counts, or the one that is given.
        var size = _decoder is null ? Shape.Of([1, .. shape]) : new Shape(1, 3, new Dim("height"), new Dim("width"));
        return ImageData.Open(options, size, "reference.");
    }

    private static IEnumerable<(string Name, Options.RecipePath Path)> Files(ModelSampleOptions options) =>
        options.Inputs.Select(file => (file.Key, file.Value)).Concat(options.NullInputs.Select(file => ("without " + file.Key, file.Value)))
            .Concat(options.Decoder is { } decoder ? [("decoder", decoder)] : []).OrderBy(file => file.Item1, StringComparer.Ordinal);
}
