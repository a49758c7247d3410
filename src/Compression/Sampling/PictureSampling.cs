using CompressTool.Diffusion;
using CompressTool.Diffusion.Guidance;
using CompressTool.Diffusion.Pictures;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;
using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Sampling;

/// <summary>Draws pictures from diffusion models: one sampling after another with the same noise, so that models can be compared picture by picture.</summary>
/// <param name="options">Which.</param>
/// <param name="scheduler">The scheduler that the models are trained with.</param>
internal sealed class PictureSampling(SampleOptions options, SchedulerConfig scheduler)
{
    /// <summary>How many are drawn at once: what is held in memory as float32.</summary>
    private const int Part = 256;

    private readonly SchedulerConfig _config = SamplerPresets.Apply(SamplerPresets.Find(options.Sampler), scheduler);

    /// <summary>The scheduler with the sampler that is wished for.</summary>
    public SchedulerConfig Config => _config;

    /// <summary>Height and width of samples where the model leaves them open; null otherwise.</summary>
    public IReadOnlyList<long>? Size { get; init; }

    /// <summary>How many samples the model sees at once at most.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>How many classes are drawn, in turns; null for a model without classes.</summary>
    public long? Classes { get; init; }

    /// <summary>The class that stands for none, for guidance.</summary>
    public long? NullClass { get; init; }

    /// <summary>Makes images of latents; null for a model of images.</summary>
    public LatentDecoder? Decoder { get; init; }

    /// <summary>The other inputs of the model, with a row for each sample, or one.</summary>
    public IReadOnlyDictionary<string, NdArray> Conditions { get; init; } = new Dictionary<string, NdArray>();

    /// <summary>Those without the condition, for guidance.</summary>
    public IReadOnlyDictionary<string, NdArray> NullConditions { get; init; } = new Dictionary<string, NdArray>();

    /// <summary>Steps of the sampler.</summary>
    public int Steps => options.Steps ?? SamplerPresets.UsualSteps(_config);

    /// <summary>The class of each sample; null for a model without classes.</summary>
    public long[]? Labels => Classes is { } classes ? [.. Enumerable.Range(0, options.Count).Select(index => index % classes)] : null;

    /// <summary>How often the model sees each sample: evaluations of the sampler, twice with guidance.</summary>
    public int Evaluations => NewSampler(null).Timesteps.Count * (options.Guidance == 1 ? 1 : 2);

    /// <summary>Draws the pictures.</summary>
    /// <param name="denoiser">The model.</param>
    /// <param name="progress">Told how many are done.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="CompressToolException">The model cannot be sampled from so, or its samples are no images.</exception>
    public IReadOnlyList<Picture> Draw(Denoiser denoiser, Action<double>? progress, CancellationToken cancellationToken)
    {
        var shape = denoiser.SampleShape(Size);
        if (Decoder is null && shape is not [1 or 3, _, _])
        {
            throw new CompressToolException(DiffusionErrors.NotAPicture, $"samples of the shape [{string.Join(',', shape)}] are no images; if they are latents, a decoder is needed that makes images of them");
        }

        var noise = new TorchGenerator(options.Seed);
        var pictures = new List<Picture>();
        for (var first = 0; first < options.Count; first += Part)
        {
            var (start, count) = (first, Math.Min(Part, options.Count - first));
            var images = DrawPart(denoiser, start, count, noise, done => progress?.Invoke(start + done), cancellationToken);
            pictures.AddRange(PictureConversion.ToPictures(images.AsSpan<float>(), images.Dims));
        }

        return pictures;
    }

    /// <summary>Draws some of the samples as numbers, decoded where there is a decoder.</summary>
    /// <param name="denoiser">The model.</param>
    /// <param name="first">The first of them, for what belongs to each.</param>
    /// <param name="count">How many.</param>
    /// <param name="noise">The noise.</param>
    /// <param name="progress">Told how many are done.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>Images, or whatever the model draws: float32.</returns>
    /// <exception cref="CompressToolException">The model cannot be sampled from so.</exception>
    public NdArray DrawPart(Denoiser denoiser, int first, int count, INoiseSource noise, Action<double>? progress, CancellationToken cancellationToken)
    {
        var shape = denoiser.SampleShape(Size);
        using var samples = new SamplingLoop(denoiser, NewSampler(shape)).Run(
            new SamplingOptions
            {
                Count = count,
                Batch = Batch,
                Shape = shape,
                Labels = Labels?[first..(first + count)],
                NullLabel = NullClass,
                Conditions = Rows(Conditions, first, count),
                NullConditions = Rows(NullConditions, first, count),
                Guidance = options.Guidance == 1 ? null : new ClassifierFreeGuidance(options.Guidance),
            },
            noise,
            progress is null ? null : new Stages.DirectProgress<SamplingProgress>(report => progress(count * (double)report.Done / report.Total)),
            cancellationToken);
        return Decoder?.Decode(samples, cancellationToken: cancellationToken) ?? samples.ToNdArray();
    }

    private Sampler NewSampler(long[]? shape) => SamplerFactory.Create(_config, new SamplerSettings
    {
        Steps = Steps,
        SequenceLength = shape is [_, var height, var width] ? (int)(height / 2 * (width / 2)) : null,
    });

    /// <summary>The rows that belong to some samples; arrays with one row, or none, are for all.</summary>
    private Dictionary<string, NdArray> Rows(IReadOnlyDictionary<string, NdArray> arrays, int first, int count) => arrays.ToDictionary(pair => pair.Key, pair =>
    {
        var array = pair.Value;
        if (options.Count == 1 || array.Dims.Count == 0 || array.Dims[0] != options.Count)
        {
            return array;
        }

        var row = array.Data.Length / options.Count;
        return new NdArray(array.Type, [count, .. array.Dims.Skip(1)], array.Data.Slice(first * row, count * row));
    });
}
