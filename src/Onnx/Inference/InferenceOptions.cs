namespace CompressTool.Onnx.Inference;

/// <summary>How shapes are inferred.</summary>
public sealed record InferenceOptions
{
    /// <summary>Numbers for symbolic dimensions, e.g. <c>batch</c> = 4.</summary>
    public IReadOnlyDictionary<string, long> Bindings { get; init; } = new Dictionary<string, long>();

    /// <summary>Shapes of graph inputs, by name, instead of the declared ones.</summary>
    public IReadOnlyDictionary<string, Shape> InputShapes { get; init; } = new Dictionary<string, Shape>();

    /// <summary>
    /// True after the graph was changed: the types that computed values had before count only where nothing can be
    /// inferred. False (default): they are taken as declarations and must agree with what is inferred.
    /// </summary>
    public bool Refresh { get; init; }
}
