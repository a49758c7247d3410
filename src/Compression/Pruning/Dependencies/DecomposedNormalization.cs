using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// Finds the scales and shifts of normalisations that are written as several nodes: group normalisation as InstanceNormalization,
/// Reshape, Mul and Add, layer and root-mean-square normalisation as a quotient by the root of a mean, Mul and Add.
/// </summary>
internal static class DecomposedNormalization
{
    /// <summary>Whether a weight scales or shifts what such a normalisation gives; nodes in between may change its shape or type.</summary>
    public static bool IsScaleOrShift(Value weight) => weight.Uses is [{ } use] && (
        use.Node.Is("Mul") ? Other(use) is { } scaled && IsNormalized(scaled)
        : use.Node.Is("Add") ? Other(use) is { } shifted && (IsNormalized(shifted) || IsScaled(shifted))
        : KeepsValues(use.Node) && use.Index == 0 && use.Node.Output(0) is { } output && IsScaleOrShift(output));

    /// <summary>Whether a node hands on the values of its first input, in another shape or type.</summary>
    public static bool KeepsValues(Node node) =>
        node.Domain.Length == 0 && node.OpType is "Unsqueeze" or "Reshape" or "Squeeze" or "Cast" or "Identity" or "Expand" or "Transpose" or "Flatten";

    private static Value? Other(Use use) => use.Node.Input(1 - use.Index);

    private static Value? SourceOf(Value? value) => value?.SourceThrough(KeepsValues);

    private static bool IsNormalized(Value? value) => SourceOf(value)?.Producer is { } node && (
        node.OpType.EndsWith("Normalization", StringComparison.Ordinal)
        || (node.Is("Div") && IsRootOfMean(node.Input(1)))
        || (node.Is("Mul") && node.Inputs.Any(input => SourceOf(input)?.Producer is { } factor && factor.Is("Reciprocal") && IsRootOfMean(factor.Input(0)))));

    private static bool IsScaled(Value? value) => SourceOf(value)?.Producer is { } node && node.Is("Mul") && node.Inputs.Any(IsNormalized);

    private static bool IsRootOfMean(Value? value)
    {
        if (SourceOf(value)?.Producer is not { } root || !root.Is("Sqrt"))
        {
            return false;
        }

        var sum = SourceOf(root.Input(0))?.Producer;
        return sum is not null && (IsMean(sum) || (sum.Is("Add") && sum.Inputs.Any(input => SourceOf(input)?.Producer is { } mean && IsMean(mean))));

        static bool IsMean(Node node) => node.Is("ReduceMean") || node.Is("ReduceSumSquare");
    }
}
