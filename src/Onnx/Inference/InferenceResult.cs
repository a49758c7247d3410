namespace CompressTool.Onnx.Inference;

/// <summary>What inference found out about the values of a model.</summary>
public sealed class InferenceResult
{
    internal InferenceResult(GraphInference inference, IReadOnlyList<Value> incomplete)
    {
        Inference = inference;
        Incomplete = incomplete;
    }

    /// <summary>
    /// Computed values whose element type or rank could not be inferred and is not declared either: outputs of unknown
    /// operators and what depends on them, and values that are no tensors.
    /// </summary>
    public IReadOnlyList<Value> Incomplete { get; }

    /// <summary>The type of a value of the main graph or a subgraph; null when unknown or no tensor.</summary>
    public TensorType? TypeOf(Value value) => ShapeInference.ToType(Inference.Fact(value), value);

    /// <summary>The content of a value, when it is constant or all its elements follow from shapes; null otherwise. Large results are not computed.</summary>
    public Tensor? ConstantOf(Value value) => Inference.Fact(value).ToTensor();

    internal GraphInference Inference { get; }
}
