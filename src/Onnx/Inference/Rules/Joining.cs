namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Operators that put tensors together, cut them, or repeat and pad them.</summary>
internal static class Joining
{
    public static void Concat(NodeContext c)
    {
        int[] inputs = [.. Enumerable.Range(0, c.InputCount)];
        c.Set(0, c.SameType(inputs), Concat(c, inputs, 0));
    }

    /// <summary>Inputs: output scale and zero point, then tensor, scale, zero point of each.</summary>
    public static void QLinearConcat(NodeContext c) =>
        c.Set(0, c.Type(1), Concat(c, [.. Enumerable.Range(0, c.InputCount).Where(input => input % 3 == 2)], 0));

    public static void Split(NodeContext c)
    {
        var x = c.DimsFrom(0, 1);
        var axis = x is null ? 0 : c.Axis(c.Int("axis", 0), x.Length);
        for (var output = 0; output < c.OutputCount; output++)
        {
            Expression[]? dims = null;
            if (x is not null)
            {
                dims = [.. x];
                dims[axis] = Part(c, x, axis, output);
            }

            c.Set(output, c.Type(0), dims);
        }
    }

    public static void Expand(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            if (c.Elements(1) is { } shape)
            {
                dims = Broadcasting.Of(c, x, [.. shape.Select((dim, axis) => dim ?? c.Opaque(0, axis))]);
            }
            else if (c.Dims(1, 1) is [{ Number: { } rank }])
            {
                dims = c.OpaqueShape(0, Math.Max(rank, x.Length));
            }
        }

        c.Set(0, c.Type(0), dims);
    }

    public static void Tile(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            var repeats = c.Elements(1);
            if (repeats is not null && repeats.Length != x.Length)
            {
                throw c.Mismatch($"its {repeats.Length} repeats do not fit its input {NodeContext.Show(x)}");
            }

            dims = [.. x.Select((dim, axis) => repeats?[axis] is { } repeat ? dim * repeat : c.Opaque(0, axis))];
        }

        c.Set(0, c.Type(0), dims);
    }

    /// <summary>Pads are an input since version 11, for some axes only since version 18.</summary>
    public static void Pad(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            var pads = c.Has(1) ? c.Elements(1) : (c.Ints("pads") ?? c.Ints("paddings"))?.Select(Expression.Of).ToArray();
            int[]? axes = !c.Has(3) ? [.. Enumerable.Range(0, x.Length)] : c.Numbers(3) is { } some ? c.Axes(some, x.Length) : null;
            if (pads is null || axes is null)
            {
                dims = c.OpaqueShape(0, x.Length);
            }
            else if (pads.Length != 2 * axes.Length)
            {
                throw c.Mismatch($"its {pads.Length} pads do not fit its input {NodeContext.Show(x)}");
            }
            else
            {
                dims = [.. x];
                for (var index = 0; index < axes.Length; index++)
                {
                    dims[axes[index]] = pads[index] is { } before && pads[index + axes.Length] is { } after
                        ? x[axes[index]] + before + after : c.Opaque(0, axes[index]);
                    if (dims[axes[index]].Number < 0)
                    {
                        throw c.Mismatch($"its pads leave less than nothing of its input {NodeContext.Show(x)}");
                    }
                }
            }
        }

        c.Set(0, c.Type(0), dims);
    }

    public static void CenterCropPad(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            var shape = c.Elements(1);
            var axes = c.Ints("axes") is { } some ? c.Axes(some, x.Length) : [.. Enumerable.Range(0, x.Length)];
            dims = [.. x.Select((dim, axis) => !axes.Contains(axis) ? dim
                : shape is not null && shape.Length == axes.Length && shape[Array.IndexOf(axes, axis)] is { } size ? size : c.Opaque(0, axis))];
        }

        c.Set(0, c.Type(0), dims);
    }

    /// <summary>com.microsoft BiasSplitGelu: one half of the last axis gates the other.</summary>
    public static void HalfOfLast(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.DimsFrom(0, 1) is { } x)
        {
            dims = [.. x[..^1], Expression.DivideExactly(x[^1], 2) ?? throw c.Mismatch($"the last axis of its input {NodeContext.Show(x)} cannot be halved")];
        }

        c.Set(0, c.Type(0), dims);
    }

    private static Expression[]? Concat(NodeContext c, int[] inputs, int output)
    {
        Expression[]? dims = null;
        var axis = 0;
        foreach (var input in inputs)
        {
            if (c.DimsFrom(input, 1) is not { } x)
            {
                return null;
            }

            if (dims is null)
            {
                dims = [.. x];
                axis = c.Axis(c.Int("axis", 1), x.Length);
                continue;
            }

            if (x.Length != dims.Length)
            {
                throw c.Mismatch($"the shapes {NodeContext.Show(dims)} and {NodeContext.Show(x)} cannot be joined");
            }

            for (var other = 0; other < x.Length; other++)
            {
                dims[other] = other == axis ? dims[axis] + x[axis]
                    : c.Same(dims[other], x[other], () => $"the shapes {NodeContext.Show(c.Dims(inputs[0]))} and {NodeContext.Show(x)} cannot be joined along axis {axis}");
            }
        }

        return dims;
    }

    /// <summary>The length of one output of Split.</summary>
    private static Expression Part(NodeContext c, Expression[] x, int axis, int output)
    {
        var sizes = c.Has(1) ? c.Elements(1) : c.Ints("split")?.Select(Expression.Of).ToArray();
        if (sizes is not null)
        {
            var sum = sizes.Aggregate(Expression.Zero, (sum, size) => sum + (size ?? 0));
            if (sizes.Length != c.OutputCount || sizes.Any(size => size?.Number < 0) || (sizes.Any(size => size is null) ? Expression.Compare(sum, x[axis]) > 0 : Expression.Differ(sum, x[axis])))
            {
                throw c.Mismatch($"the parts [{string.Join<Expression?>(',', sizes)}] do not add up to axis {axis} of its input {NodeContext.Show(x)}");
            }

            return sizes[output] ?? c.Opaque(output, axis);
        }

        if (c.Has(1))
        {
            return c.Opaque(output, axis);
        }

        // Equal parts; what is missing to a whole multiple is missing in the last one.
        var count = Math.Max(1, c.Int("num_outputs", c.OutputCount));
        if (Expression.DivideExactly(x[axis], count) is { } equal)
        {
            return equal;
        }

        var part = Expression.CeilingDivide(x[axis], count)!;
        return output < count - 1 ? part : Expression.Max(0, x[axis] - (part * (count - 1)));
    }
}
