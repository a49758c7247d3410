using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Inference;

/// <summary>Inference for a graph that grows: each node is looked at once, when it is added.</summary>
public sealed class IncrementalInference
{
    private readonly GraphInference _inference;

    /// <summary>Infers the types of all values of a model, and sets them.</summary>
    /// <exception cref="CompressToolException">Shapes or types contradict each other (CMP2006).</exception>
    public IncrementalInference(Model model)
    {
        Result = ShapeInference.Run(model, new InferenceOptions { Refresh = true });
        _inference = Result.Inference;
    }

    /// <summary>What is known so far.</summary>
    public InferenceResult Result { get; }

    /// <summary>Takes in a new initializer or input.</summary>
    public void Add(Value value) =>
        _inference.Fill(value, value.Initializer is { } tensor ? Fact.Of(tensor) : _inference.Declare(value));

    /// <summary>Infers a node that has just been added to the main graph, and sets the types of its outputs.</summary>
    /// <exception cref="CompressToolException">Its inputs do not go together (CMP2006).</exception>
    public void Add(Node node)
    {
        _inference.RunNode(node);
        foreach (var output in node.Outputs)
        {
            if (output is not null && Result.TypeOf(output) is { } type)
            {
                output.Type = type;
            }
        }
    }
}
