using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Decompositions;

/// <summary>Normalisations together with sums before them, and those that are rare.</summary>
internal static class NormalizationForms
{
    public static readonly Dictionary<string, Decomposition> All = new()
    {
        ["com.microsoft:SkipLayerNormalization"] = n => Skip(n, "LayerNormalization", 4),
        ["com.microsoft:SkipSimplifiedLayerNormalization"] = n => Skip(n, "SimplifiedLayerNormalization", 3),
        ["com.microsoft:GroupNorm"] = n => [ByGroup(n, n[0])],
        ["com.microsoft:SkipGroupNorm"] = SkipGroup,
        ["MeanVarianceNormalization"] = n => [MeanVariance(n)],
        ["LRN"] = n => [AcrossChannels(n)],
        ["LpNormalization"] = n => [ByNorm(n)],
    };

    /// <summary>x, what is added to it, scale, (bias,) bias of the sum. Outputs: result, mean, inverse deviation, the sum.</summary>
    private static IReadOnlyList<Expr?> Skip(OperatorContext n, string normalization, int sumBias)
    {
        var sum = n[0] + n[1];
        sum = n.Optional(sumBias) is { } bias ? sum + bias : sum;
        Expr[] parameters = sumBias == 4 && n.Optional(3) is { } shift ? [n[2], shift] : [n[2]];
        var result = n.Builder.Node(normalization, [sum, .. parameters], Attribute.Int("axis", -1), Attribute.Float("epsilon", (float)n.Float("epsilon", 1e-12f)));
        return [result, null, null, sum];
    }

    /// <summary>x, scale, bias, what is added to x, bias of the sum. Outputs: result and the sum.</summary>
    private static IReadOnlyList<Expr?> SkipGroup(OperatorContext n)
    {
        // What is added may have one number per channel: [N, C].
        var (x, other) = (n[0], n[3]);
        var sum = x + (other.Rank == 2 ? other.Unsqueeze(1, 2) : other);
        sum = n.Optional(4) is { } bias ? sum + bias : sum;
        return [ByGroup(n, sum), sum];
    }

    private static Expr ByGroup(OperatorContext n, Expr x)
    {
        var isLast = n.Int("channels_last", 1) != 0;
        var (groups, dims) = (n.Int("groups", 1), isLast ? x.Transpose(0, 3, 1, 2).Dims : x.Dims);
        var grouped = (isLast ? x.Transpose(0, 3, 1, 2) : x).Reshape(dims[0], groups, -1);
        var centered = grouped - grouped.Mean([2], keepDims: true);
        var z = (centered / (centered.Square().Mean([2], keepDims: true) + n.Float("epsilon", 1e-5f)).Sqrt()).Reshape(dims);
        var result = (z * n[1].Cast(x.Type).Reshape(-1, 1, 1)) + n[2].Cast(x.Type).Reshape(-1, 1, 1);
        result = n.Int("activation", 0) != 0 ? result * result.Sigmoid() : result;
        return isLast ? result.Transpose(0, 2, 3, 1) : result;
    }

    private static Expr MeanVariance(OperatorContext n)
    {
        int[] axes = [.. (n.Ints("axes") ?? [0, 2, 3]).Select(axis => OperatorContext.Axis(axis, n[0].Rank))];
        var centered = n[0] - n[0].Mean(axes, keepDims: true);
        return centered / (centered.Square().Mean(axes, keepDims: true).Sqrt() + 1e-9);
    }

    /// <summary>Local response normalisation (Krizhevsky et al. 2012): each channel by the squares of its neighbours.</summary>
    private static Expr AcrossChannels(OperatorContext n)
    {
        var x = n[0];
        var (channels, size) = (x.Dims[1], n.Int("size", 1));
        var (before, after) = (new long[x.Rank], new long[x.Rank]);
        (before[1], after[1]) = ((size - 1) / 2, size - 1 - ((size - 1) / 2));
        var squares = x.Square().Pad(before, after);
        var sum = Enumerable.Range(0, checked((int)size)).Select(shift => squares.Slice(1, shift, shift + channels)).Aggregate((a, b) => a + b);
        return x * ((sum * (n.Float("alpha", 1e-4f) / size)) + n.Float("bias", 1)).Pow(-n.Float("beta", 0.75f));
    }

    private static Expr ByNorm(OperatorContext n)
    {
        int[] axis = [n.Axis("axis", -1, n[0].Rank)];
        return n[0] / (n.Int("p", 2) == 1 ? n[0].Abs().Sum(axis, keepDims: true) : n[0].Square().Sum(axis, keepDims: true).Sqrt());
    }
}
