using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Metrics;

/// <summary>
/// The CLIP score (Hessel et al. 2021): how well pictures fit their captions, as the mean cosine of the angle between the
/// embeddings of both, raw, without a factor and without cutting negative ones off. Figures of different CLIP models cannot be compared.
/// </summary>
public sealed class ClipScore : IDisposable
{
    private readonly ImageModel _images;

    /// <summary>Opens the half of a CLIP model that looks at pictures: pixel_values in, image_embeds out.</summary>
    /// <param name="engine">Runs it.</param>
    /// <param name="path">The .onnx file.</param>
    /// <exception cref="CompressToolException">It cannot be loaded, or has other inputs or outputs (<see cref="DiffusionErrors.UnsuitableMetricModel"/>).</exception>
    public ClipScore(IEngine engine, string path)
    {
        var function = engine.Compile(path);
        _images = new ImageModel(function, $"'{path}'", new ImageModelOptions
        {
            Size = (224, 224),
            Filter = ResizeFilter.Bicubic,
            Mean = [0.48145466, 0.4578275, 0.40821073],
            Deviation = [0.26862954, 0.26130258, 0.27577711],
            Output = function.Outputs.Any(output => output.Name == "image_embeds") ? "image_embeds" : null,
        });
    }

    /// <summary>The score.</summary>
    /// <param name="pictures">Pictures; CLIP looks at their middle.</param>
    /// <param name="texts">The embedding of each one's caption, of any length but 0.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public Estimate Measure(IReadOnlyList<Picture> pictures, FeatureSet texts, CancellationToken cancellationToken = default)
    {
        if (pictures.Count != texts.Count)
        {
            throw new CompressToolException(DiffusionErrors.InvalidMetric, $"there are {pictures.Count} images and {texts.Count} captions");
        }

        var squares = pictures.Select(picture => picture.Cover(Math.Min(picture.Width, picture.Height), Math.Min(picture.Width, picture.Height))).ToArray();
        var images = _images.Run([squares], null, cancellationToken);
        if (images.Dimensions != texts.Dimensions)
        {
            throw new CompressToolException(DiffusionErrors.UnsuitableMetricModel, $"images have embeddings of {images.Dimensions} numbers, and captions of {texts.Dimensions}; both halves must be of one CLIP model");
        }

        return Estimate.Mean([.. Enumerable.Range(0, images.Count).Select(i =>
            FeatureDistances.Dot(images[i], texts[i]) / Math.Sqrt(FeatureDistances.Dot(images[i], images[i]) * FeatureDistances.Dot(texts[i], texts[i])))]);
    }

    /// <inheritdoc/>
    public void Dispose() => _images.Dispose();
}
