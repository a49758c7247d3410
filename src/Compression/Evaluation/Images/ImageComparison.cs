using CompressTool.Diffusion.Metrics;
using CompressTool.Diffusion.Pictures;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation.Images;

/// <summary>Measures samples of a model against reference images, and against the samples of the model it was made from.</summary>
public sealed class ImageComparison
{
    private readonly List<ImageFigure> _figures = [];

    /// <summary>The figures, in the order they are told.</summary>
    public IReadOnlyList<ImageFigure> Figures => _figures;

    /// <summary>Compares sets of images by features: Fréchet and kernel distance, precision and recall.</summary>
    /// <param name="features">The features.</param>
    /// <param name="reference">What samples should be like; null for the samples of the input model.</param>
    /// <param name="model">Samples of the model.</param>
    /// <param name="input">Samples of the input model.</param>
    /// <param name="seed">Which subsets.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public void AddDistances(FeatureExtractor features, IReadOnlyList<Picture>? reference, IReadOnlyList<Picture> model, IReadOnlyList<Picture>? input, ulong seed, CancellationToken cancellationToken)
    {
        var modelRows = features.Extract(model, cancellationToken: cancellationToken);
        var inputRows = input is null ? null : features.Extract(input, cancellationToken: cancellationToken);
        var referenceRows = reference is null ? inputRows : features.Extract(reference, cancellationToken: cancellationToken);
        if (referenceRows is null)
        {
            return;
        }

        // The input model has no distance from itself.
        inputRows = reference is null ? null : inputRows;
        var statistics = FeatureStatistics.Of(referenceRows);
        var prefix = features.IsDefault ? $"{features.Name}-" : "";
        Add("fid", rows => FrechetDistance.Measure(statistics, rows));
        Add("kid", rows => KernelDistance.Measure(referenceRows, rows, seed, cancellationToken));
        var (ofModel, ofInput) = (PrecisionRecall.Measure(referenceRows, modelRows), inputRows is null ? null : PrecisionRecall.Measure(referenceRows, inputRows));
        _figures.Add(new ImageFigure(prefix + "precision", ofModel.Precision, ofInput?.Precision));
        _figures.Add(new ImageFigure(prefix + "recall", ofModel.Recall, ofInput?.Recall));

        void Add(string name, Func<FeatureSet, Estimate> measure)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _figures.Add(new ImageFigure(prefix + name, measure(modelRows), inputRows is null ? null : measure(inputRows)));
        }
    }

    /// <summary>Compares the samples of both models at equal noise, picture by picture: how much of what the input model draws is kept.</summary>
    /// <param name="model">Samples of the model.</param>
    /// <param name="input">Samples of the input model, from the same noise.</param>
    /// <param name="lpips">Measures LPIPS; null leaves it out.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public void AddPairs(IReadOnlyList<Picture> model, IReadOnlyList<Picture> input, PerceptualDistance? lpips, CancellationToken cancellationToken)
    {
        if (model[0].Width >= 11 && model[0].Height >= 11)
        {
            _figures.Add(new ImageFigure("ssim", Pairs(ImageSimilarity.Ssim), null));
        }

        _figures.Add(new ImageFigure("image-psnr", Pairs(ImageSimilarity.Psnr), null));
        if (lpips is not null)
        {
            _figures.Add(new ImageFigure("lpips", lpips.Measure(model, input, cancellationToken), null));
        }

        Estimate Pairs(Func<Picture, Picture, double> measure)
        {
            var values = new double[model.Count];
            Parallel.For(0, values.Length, new ParallelOptions { CancellationToken = cancellationToken }, i => values[i] = measure(model[i], input[i]));
            return Estimate.Mean(values);
        }
    }

    /// <summary>Compares samples with their captions.</summary>
    /// <param name="engine">Runs the model.</param>
    /// <param name="path">The half of a CLIP model for images.</param>
    /// <param name="captions">The embeddings of the captions.</param>
    /// <param name="model">Samples of the model.</param>
    /// <param name="input">Samples of the input model.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public void AddCaptions(IEngine engine, string path, FeatureSet captions, IReadOnlyList<Picture> model, IReadOnlyList<Picture>? input, CancellationToken cancellationToken)
    {
        using var clip = new ClipScore(engine, path);
        _figures.Add(new ImageFigure("clip-score", clip.Measure(model, captions, cancellationToken), input is null ? null : clip.Measure(input, captions, cancellationToken)));
    }
}
