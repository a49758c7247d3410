using CompressTool.Onnx;

namespace CompressTool.Tool.Inspection;

/// <summary>Weight files that a model refers to but that are not there.</summary>
/// <param name="Files">Their names, below the model's folder.</param>
/// <param name="Bytes">The bytes of the weights in them.</param>
internal sealed record MissingWeights(IReadOnlyList<string> Files, long Bytes)
{
    /// <summary>Looks for them in a model that was loaded with <see cref="LoadOptions.AllowMissingWeights"/>.</summary>
    public static MissingWeights Of(Model model)
    {
        var missing = model.Graph.AllGraphs().SelectMany(graph => graph.Initializers).Select(value => value.Initializer!.Data).OfType<MissingData>().ToList();
        var folder = Path.GetDirectoryName(model.Path)!;
        return new MissingWeights([.. missing.Select(data => Path.GetRelativePath(folder, data.Path)).Distinct().Order(StringComparer.Ordinal)], missing.Sum(data => data.Length));
    }
}
