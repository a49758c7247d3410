using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>
/// Normalisations y = (x - mean) / std * scale + bias. With z the normalised x and h the gradient by z, the gradient by x is
/// (h - mean(h) - z mean(h z)) / std (Ioffe and Szegedy 2015, section 3; Ba et al. 2016).
/// </summary>
internal static class Normalization
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["LayerNormalization"] = Layer,
        ["InstanceNormalization"] = Instance,
        ["GroupNormalization"] = Group,
        ["BatchNormalization"] = Batch,
        ["RMSNormalization"] = RootMeanSquare,
        ["SimplifiedLayerNormalization"] = RootMeanSquare,
    };

    private static IEnumerable<Expr?> Layer(GradientContext n)
    {
        var x = n[0];
        var axes = AxesFrom(n, x);
        var (mean, inverse) = (n.OutputAt(1).Cast(x.Type), n.OutputAt(2).Cast(x.Type));
        var z = (x - mean) * inverse;
        yield return n.Wants(0) ? Centered(n.Gradient * n[1], z, inverse, axes) : null;
        yield return n.Wants(1) ? n.Gradient * z : null;
        yield return n.Gradient;
    }

    private static IEnumerable<Expr?> RootMeanSquare(GradientContext n)
    {
        var x = n[0];
        var axes = AxesFrom(n, x);
        var inverse = (x.Square().Mean(axes, keepDims: true) + n.Float("epsilon", 1e-5f)).Sqrt().Reciprocal();
        var z = x * inverse;
        if (n.Wants(0))
        {
            var h = n.Gradient * n[1];
            yield return (h - (z * (h * z).Mean(axes, keepDims: true))) * inverse;
        }
        else
        {
            yield return null;
        }

        yield return n.Wants(1) ? n.Gradient * z : null;
    }

    private static IEnumerable<Expr?> Instance(GradientContext n)
    {
        var x = n[0];
        int[] axes = [.. Enumerable.Range(2, x.Rank - 2)];
        var (z, inverse) = Standardize(x, axes, n.Float("epsilon", 1e-5f));
        yield return n.Wants(0) ? Centered(n.Gradient * ByChannel(n[1], x), z, inverse, axes) : null;
        yield return n.Wants(1) ? OverChannel(n.Gradient * z) : null;
        yield return n.Wants(2) ? OverChannel(n.Gradient) : null;
    }

    private static IEnumerable<Expr?> Group(GradientContext n)
    {
        var x = n[0];
        var (dims, groups) = (x.Dims, n.Int("num_groups", 1));
        // Before version 21 there is one scale and bias per group.
        var isByGroup = n.Builder.Model.Opset < 21;
        long[] grouped = [dims[0], groups, dims[1] / groups, dims[2..].Aggregate(1L, (count, size) => count * size)];
        long[] parameters = isByGroup ? [groups, 1, 1] : [groups, dims[1] / groups, 1];
        var (z, inverse) = Standardize(x.Reshape(grouped), [2, 3], n.Float("epsilon", 1e-5f));
        var gradient = n.Gradient.Reshape(grouped);
        yield return n.Wants(0) ? Centered(gradient * n[1].Reshape(parameters), z, inverse, [2, 3]).Reshape(dims) : null;
        yield return n.Wants(1) ? (gradient * z).SumTo(parameters).Reshape(n[1].Dims) : null;
        yield return n.Wants(2) ? gradient.SumTo(parameters).Reshape(n[2].Dims) : null;
    }

    private static IEnumerable<Expr?> Batch(GradientContext n)
    {
        var x = n[0];
        if (n.Int("training_mode", 0) != 0)
        {
            // The running statistics that come out besides carry no gradient.
            int[] axes = [0, .. Enumerable.Range(2, x.Rank - 2)];
            var (z, inverse) = Standardize(x, axes, n.Float("epsilon", 1e-5f));
            return [Centered(n.Gradient * ByChannel(n[1], x), z, inverse, axes), OverChannel(n.Gradient * z), OverChannel(n.Gradient)];
        }

        var deviation = (n[4] + n.Float("epsilon", 1e-5f)).Sqrt();
        var centered = x - ByChannel(n[3], x);
        var byScaled = n.Gradient / ByChannel(deviation, x);
        var byInput = byScaled * ByChannel(n[1], x);
        return
        [
            byInput,
            n.Wants(1) ? OverChannel(byScaled * centered) : null,
            n.Wants(2) ? OverChannel(n.Gradient) : null,
            n.Wants(3) ? -OverChannel(byInput) : null,
            n.Wants(4) ? OverChannel(byInput * centered) * -0.5 / deviation.Square() : null,
        ];
    }

    private static (Expr Normalized, Expr InverseDeviation) Standardize(Expr x, int[] axes, double epsilon)
    {
        var centered = x - x.Mean(axes, keepDims: true);
        var inverse = (centered.Square().Mean(axes, keepDims: true) + epsilon).Sqrt().Reciprocal();
        return (centered * inverse, inverse);
    }

    private static Expr Centered(Expr h, Expr z, Expr inverseDeviation, int[] axes) =>
        (h - h.Mean(axes, keepDims: true) - (z * (h * z).Mean(axes, keepDims: true))) * inverseDeviation;

    /// <summary>A number per channel, shaped to broadcast over [N, C, ...].</summary>
    private static Expr ByChannel(Expr vector, Expr x) => vector.Reshape([-1, .. Enumerable.Repeat(1L, x.Rank - 2)]);

    /// <summary>The sum of each channel of [N, C, ...].</summary>
    private static Expr OverChannel(Expr x) => x.Sum([0, .. Enumerable.Range(2, x.Rank - 2)]);

    private static int[] AxesFrom(GradientContext n, Expr x)
    {
        var axis = n.Axis("axis", -1, x.Rank);
        return [.. Enumerable.Range(axis, x.Rank - axis)];
    }
}
