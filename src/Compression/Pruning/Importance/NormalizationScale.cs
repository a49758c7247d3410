using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>Tells the scales of normalisations from their shifts.</summary>
internal static class NormalizationScale
{
    /// <summary>
    /// Whether a member is the scale of a normalisation: the second input of a normalisation, or a factor, as exporters write
    /// the scale of a GroupNorm; there may be nodes in between that only change the shape or the type.
    /// </summary>
    public static bool Is(GroupMember member) => member.Role == MemberRole.Normalization && IsScale(member.Weight);

    private static bool IsScale(Value value) => value.Uses.Any(use => use.Node.OpType switch
    {
        "Mul" => true,
        _ when DecomposedNormalization.KeepsValues(use.Node) => use.Index == 0 && use.Node.Output(0) is { } output && IsScale(output),
        "SkipLayerNormalization" or "SkipSimplifiedLayerNormalization" => use.Index == 2,
        "GroupNorm" => use.Index == 1, // com.microsoft's name.
        var name => use.Index == 1 && name.EndsWith("Normalization", StringComparison.Ordinal),
    });
}
