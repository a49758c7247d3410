using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Operators that choose between elements of their inputs.</summary>
internal static class Selection
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["Where"] = n => [null, n[0].Where(n.Gradient, n.Gradient.Number(0)), n[0].Where(n.Gradient.Number(0), n.Gradient)],
        ["Max"] = Extreme,
        ["Min"] = Extreme,
        ["Clip"] = Clip,
        ["Dropout"] = Dropout,
    };

    /// <summary>Equal extremes share the gradient.</summary>
    private static IEnumerable<Expr?> Extreme(GradientContext n)
    {
        if (n.InputCount == 1)
        {
            return [n.Gradient];
        }

        var chosen = Enumerable.Range(0, n.InputCount).Select(input => Elementwise.Step(n[input].IsEqualTo(n.Output), n.Output)).ToArray();
        var share = n.Gradient / chosen.Aggregate((sum, one) => sum + one);
        return chosen.Select(one => one * share);
    }

    private static IEnumerable<Expr?> Clip(GradientContext n)
    {
        var (x, min, max) = (n[0], n.Optional(1), n.Optional(2));
        Expr? inside = min is null ? null : x >= min;
        inside = max is null ? inside : inside is null ? x <= max : inside & (x <= max);
        yield return inside is null ? n.Gradient : n.Gradient * Elementwise.Step(inside, x);
        // A maximum below the minimum wins.
        yield return min is null ? null : n.Gradient * Elementwise.Step(max is null ? x < min : (x < min) & (min <= max), x);
        yield return max is null ? null : n.Gradient * Elementwise.Step(min is null ? x > max : (x.Max(min) > max), x);
    }

    private static IEnumerable<Expr?> Dropout(GradientContext n)
    {
        // Without a training mode that is on, nothing is dropped.
        if (n.Optional(2) is not { } training || n.Builder.ConstantOf(training.Value) is { } constant && constant.ToInt64s()[0] == 0)
        {
            return [n.Gradient];
        }

        var ratio = n.Optional(1)?.Cast(n[0].Type) ?? n[0].Number(0.5);
        var kept = n.Gradient * n.OutputAt(1).Cast(n[0].Type) / (1 - ratio);
        return [training.Where(kept, n.Gradient)];
    }
}
