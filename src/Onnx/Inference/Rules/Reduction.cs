namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Operators that take axes together.</summary>
internal static class Reduction
{
    /// <summary>Axes are an input in new versions, an attribute in old ones; none means all, unless the node says that it means none.</summary>
    public static void Reduce(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            var axes = c.AxesOf(1, out var known);
            var keep = c.Int("keepdims", 1) != 0;
            if (axes is null or [] && known)
            {
                dims = c.Int("noop_with_empty_axes", 0) != 0 ? x : Apply(x, [.. Enumerable.Range(0, x.Length)], keep);
            }
            else if (known)
            {
                dims = Apply(x, c.Axes(axes!, x.Length), keep);
            }
            else if (keep)
            {
                dims = c.OpaqueShape(0, x.Length);
            }
            else if (c.Dims(1) is [{ Number: { } count }] && count <= x.Length)
            {
                dims = c.OpaqueShape(0, x.Length - count);
            }
        }

        c.Set(0, c.Type(0), dims);
    }

    /// <summary>The index of an extreme along one axis.</summary>
    public static void Arg(NodeContext c) =>
        c.Set(0, DataType.Int64, c.DimsFrom(0, 1) is { } x ? Apply(x, [c.Axis(c.Int("axis", 0), x.Length)], c.Int("keepdims", 1) != 0) : null);

    public static void TopK(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.DimsFrom(0, 1) is { } x)
        {
            var axis = c.Axis(c.Int("axis", -1), x.Length);
            dims = [.. x];
            dims[axis] = !c.Has(1) ? c.Int("k", 1) : c.Elements(1) is [{ } k] ? k : c.Opaque(0, axis);
            if (Expression.Compare(dims[axis], x[axis]) > 0)
            {
                throw c.Mismatch($"it takes the {dims[axis]} largest of {x[axis]} elements of its input {NodeContext.Show(x)}");
            }
        }

        c.Set(0, c.Type(0), dims);
        c.Set(1, DataType.Int64, dims);
    }

    private static Expression[] Apply(Expression[] x, int[] axes, bool keep) =>
        keep ? [.. x.Select((dim, axis) => axes.Contains(axis) ? Expression.One : dim)] : [.. x.Where((_, axis) => !axes.Contains(axis))];
}
