using System.Collections.Frozen;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>
/// Which constants are stored in bfloat16 though their users compute in float32, with a Cast in between. The rest of a model gains
/// nothing from bfloat16 between float32 nodes: it would cost Casts and precision.
/// </summary>
internal static class StoredWeights
{
    /// <summary>A Cast takes about a hundred bytes of the file.</summary>
    private const long LeastElements = 256;

    /// <summary>Operators that hand on what they take from their first input, in any type: on a weight they run before the Cast, on fewer bytes.</summary>
    private static readonly FrozenSet<string> s_moving = FrozenSet.Create(
        "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze");

    /// <summary>
    /// True for a weight worth it: a matrix or more. Biases, and scales and shifts of a normalisation, are small and stay exact; a
    /// scale per channel is no matrix, however many axes it has.
    /// </summary>
    public static bool IsMatrix(Tensor? tensor) => tensor is { Type: DataType.Float, Count: >= LeastElements } && tensor.Dims.Count(dim => dim > 1) > 1;

    /// <summary>True when the node moves the numbers of a weight and does nothing else.</summary>
    public static bool AreMovedBy(Node node) =>
        node.Domain.Length == 0 && s_moving.Contains(node.OpType) && node.Input(0) is { } input && !input.IsGraphInput
        && (IsMatrix(input.Initializer ?? input.ConstantTensor) || (input.Producer is { } producer && AreMovedBy(producer)));
}
