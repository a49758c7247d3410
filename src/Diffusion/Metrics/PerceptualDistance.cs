using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Metrics;

/// <summary>
/// LPIPS (Zhang et al. 2018) by a model that the user gives: two inputs [N,3,H,W] from -1 to 1, as lpips.LPIPS is exported, one
/// distance for each pair. 0 for equal pictures, lower is more alike.
/// </summary>
public sealed class PerceptualDistance : IDisposable
{
    private readonly ImageModel _model;

    /// <summary>Opens a model.</summary>
    /// <param name="engine">Runs it.</param>
    /// <param name="path">The .onnx file.</param>
    /// <exception cref="CompressToolException">It cannot be loaded, or has other inputs or outputs (<see cref="DiffusionErrors.UnsuitableMetricModel"/>).</exception>
    public PerceptualDistance(IEngine engine, string path) => _model = new ImageModel(engine.Compile(path), $"'{path}'", new ImageModelOptions(), pictures: 2);

    /// <summary>The mean distance of pairs of pictures.</summary>
    /// <param name="a">Pictures.</param>
    /// <param name="b">As many others, of the same sizes.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public Estimate Measure(IReadOnlyList<Picture> a, IReadOnlyList<Picture> b, CancellationToken cancellationToken = default)
    {
        if (a.Count != b.Count)
        {
            throw new CompressToolException(DiffusionErrors.InvalidMetric, $"{a.Count} and {b.Count} images make no pairs");
        }

        var distances = _model.Run([a, b], null, cancellationToken);
        return distances.Dimensions == 1 ? Estimate.Mean([.. Enumerable.Range(0, distances.Count).Select(i => (double)distances[i][0])])
            : throw new CompressToolException(DiffusionErrors.UnsuitableMetricModel, $"the output '{_model.Output.Name}' gives {distances.Dimensions} numbers for a pair of pictures; it must give one, their distance");
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();
}
