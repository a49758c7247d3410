using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Metrics;

/// <summary>
/// A model that turns pictures into features, of which distances of image sets are made. By default a small one of our own,
/// trained on <see cref="Data.Shapes.ShapeImages"/>; what is measured with it has its name (shapes-fid), as only figures of the
/// same features can be compared. For the field's own figures give Inception v3 with the weights of the original FID.
/// </summary>
public sealed class FeatureExtractor : IDisposable
{
    /// <summary>The name of the model of our own.</summary>
    public const string DefaultName = "shapes";

    private const string Resource = "shapes-features.onnx";

    private readonly ImageModel _model;

    private FeatureExtractor(ImageModel model, string name) => (_model, Name) = (model, name);

    /// <summary>The name that goes before figures: <c>shapes</c>, or the name of the file.</summary>
    public string Name { get; }

    /// <summary>Whether it is the model of our own.</summary>
    public bool IsDefault { get; private init; }

    /// <summary>The model of our own.</summary>
    /// <param name="engine">Runs it.</param>
    public static FeatureExtractor OpenDefault(IEngine engine)
    {
        using var stream = typeof(FeatureExtractor).Assembly.GetManifestResourceStream(Resource) ?? throw new InvalidOperationException($"The resource {Resource} is missing.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        using var model = Model.Parse(bytes);
        return new FeatureExtractor(new ImageModel(engine.Compile(model), "the model of shapes", new ImageModelOptions { Output = "features" }), DefaultName) { IsDefault = true };
    }

    /// <summary>A model of the user's.</summary>
    /// <param name="engine">Runs it.</param>
    /// <param name="path">An .onnx file with one input [N,C,H,W].</param>
    /// <param name="options">How pictures become its input.</param>
    /// <exception cref="CompressToolException">It cannot be loaded, or has other inputs or outputs (<see cref="DiffusionErrors.UnsuitableMetricModel"/>).</exception>
    public static FeatureExtractor Open(IEngine engine, string path, ImageModelOptions options) =>
        new(new ImageModel(engine.Compile(path), $"'{path}'", options), Path.GetFileNameWithoutExtension(path));

    /// <summary>The features of pictures.</summary>
    /// <param name="pictures">The pictures.</param>
    /// <param name="progress">Told the number of pictures that are done.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public FeatureSet Extract(IReadOnlyList<Picture> pictures, IProgress<int>? progress = null, CancellationToken cancellationToken = default) =>
        _model.Run([pictures], progress, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();
}
