using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Operators that reduce axes, and those that normalise along one (softmax).</summary>
internal static class Reduction
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["ReduceSum"] = n => [Spread(n, n.Gradient)],
        ["ReduceMean"] = n => [Spread(n, n.Gradient) * ((double)n.Output.Count / n[0].Count)],
        ["ReduceMax"] = Extreme,
        ["ReduceMin"] = Extreme,
        ["ReduceProd"] = Product,
        ["ReduceL1"] = n => [Spread(n, n.Gradient) * n[0].Sign()],
        ["ReduceL2"] = n => [Spread(n, n.Gradient / (n.Output > 0).Where(n.Output, n.Output.Number(1))) * n[0]], // 0 at 0, where there is no gradient
        ["ReduceSumSquare"] = n => [Spread(n, n.Gradient * 2) * n[0]],
        ["ReduceLogSum"] = n => [Spread(n, n.Gradient / n.Output.Exp())],
        ["ReduceLogSumExp"] = n => [Spread(n, n.Gradient) * (n[0] - Spread(n, n.Output)).Exp()],
        ["CumSum"] = CumSum,
        ["Softmax"] = Softmax,
        ["LogSoftmax"] = LogSoftmax,
    };

    /// <summary>A reduced array over the shape it was reduced from.</summary>
    private static Expr Spread(GradientContext n, Expr reduced)
    {
        var dims = n[0].Dims;
        foreach (var axis in Axes(n))
        {
            dims[axis] = 1;
        }

        return reduced.Reshape(dims).Expand(n[0].Dims);
    }

    /// <summary>Axes are an input (of ReduceSum since opset 13, of the others since 18) or else an attribute.</summary>
    private static IEnumerable<int> Axes(GradientContext n)
    {
        var rank = n[0].Rank;
        var axes = n.ConstantInts(1) ?? n.Ints("axes") ?? [];
        return axes.Length > 0 ? axes.Select(axis => OperatorContext.Axis(axis, rank))
            : n.Int("noop_with_empty_axes", 0) != 0 ? [] : Enumerable.Range(0, rank);
    }

    private static IEnumerable<Expr?> Extreme(GradientContext n)
    {
        var chosen = Elementwise.Step(n[0].IsEqualTo(Spread(n, n.Output)), n[0]);
        return [chosen * Spread(n, n.Gradient / chosen.Sum([.. Axes(n)]).Reshape(n.Output.Dims))];
    }

    /// <summary>The product of the others: of those that are not zero, and nothing where another one is.</summary>
    private static IEnumerable<Expr?> Product(GradientContext n)
    {
        var isZero = n[0].IsEqualTo(n[0].Number(0));
        var safe = isZero.Where(n[0].Number(1), n[0]);
        var zero = Elementwise.Step(isZero, n[0]);
        var otherZeros = zero.Sum([.. Axes(n)], keepDims: true) - zero;
        var product = n.Builder.Node("ReduceProd", n.Optional(1) is { } axes ? [safe, axes] : [safe], n.Node.Attributes);
        return [Spread(n, n.Gradient * product) / safe * Elementwise.Step(otherZeros < 0.5, n[0])];
    }

    private static IEnumerable<Expr?> CumSum(GradientContext n) =>
        [n.Builder.Node("CumSum", [n.Gradient, n[1]], Onnx.Attribute.Int("exclusive", n.Int("exclusive", 0)), Onnx.Attribute.Int("reverse", 1 - n.Int("reverse", 0))), null];

    private static IEnumerable<Expr?> Softmax(GradientContext n)
    {
        var axis = n.Axis("axis", -1, n[0].Rank);
        var product = n.Gradient * n.Output;
        return [product - (n.Output * product.Sum([axis], keepDims: true))];
    }

    private static IEnumerable<Expr?> LogSoftmax(GradientContext n) =>
        [n.Gradient - (n.Output.Exp() * n.Gradient.Sum([n.Axis("axis", -1, n[0].Rank)], keepDims: true))];
}
