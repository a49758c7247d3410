using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Sampling;

/// <summary>How samples are drawn from a model of which nothing is known but what options say.</summary>
internal static class ModelSampling
{
    /// <summary>Reads what the options name, and sees what the model has to be given.</summary>
    /// <param name="options">The options.</param>
    /// <param name="model">The model.</param>
    /// <param name="denoiser">The same, compiled.</param>
    /// <param name="decoder">Makes images of latents; null for a model of images.</param>
    /// <param name="known">The classes of images that the samples are compared with; null for none.</param>
    /// <exception cref="CompressToolException">The options do not fit the model (CMP4004), or a file cannot be read.</exception>
    public static PictureSampling Create(ModelSampleOptions options, Model model, Denoiser denoiser, LatentDecoder? decoder, long? known = null)
    {
        var embeddings = denoiser.Labels is null ? null : model.Graph.Inputs.Where(input => input.Name == denoiser.Labels.Name).Select(ClassEmbedding.Classes).FirstOrDefault();
        if (denoiser.Labels is not null && embeddings is null && options.Classes is null)
        {
            throw Invalid("the number of the model's classes cannot be seen from its graph; give it");
        }

        if (options.Classes > embeddings)
        {
            throw Invalid($"the model has {embeddings} classes");
        }

        var guided = options.Guidance != 1;
        var classes = denoiser.Labels is null ? null : options.Classes ?? (guided || known == embeddings - 1 ? embeddings - 1 : embeddings);
        return new PictureSampling(options, options.Scheduler is { } file ? SchedulerConfig.Load(file.FullPath) : SchedulerConfig.Of(model) ?? SchedulerConfig.Default)
        {
            Size = SampleSize.Of(model, options.Size),
            Batch = options.Batch,
            Classes = classes,
            NullClass = denoiser.Labels is null ? null : embeddings - 1 ?? classes,
            Decoder = decoder,
            Conditions = Read(options.Inputs),
            NullConditions = Read(options.NullInputs),
        };
    }

    private static Dictionary<string, NdArray> Read(IReadOnlyDictionary<string, Options.RecipePath> files) =>
        files.ToDictionary(file => file.Key, file => NdArray.From(NpyFile.Read(file.Value.FullPath)));

    private static CompressToolException Invalid(string message) => new(CompressionErrors.UnsuitableModel, message) { OptionPath = "samples.classes" };
}
