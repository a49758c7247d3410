namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Operators that pick or place elements by index, and those whose number of results depends on the data.</summary>
internal static class Indexing
{
    public static void Gather(NodeContext c) =>
        c.Set(0, c.Type(0), c.DimsFrom(0, 1) is { } x && c.Dims(1) is { } indices && c.Axis(c.Int("axis", 0), x.Length) is var axis
            ? [.. x[..axis], .. indices, .. x[(axis + 1)..]] : null);

    public static void GatherElements(NodeContext c) => c.Set(0, c.Type(0), c.Dims(0) is { } x ? c.Dims(1, x.Length) : c.Dims(1));

    public static void GatherND(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.DimsFrom(0, 1) is { } x && c.DimsFrom(1, 1) is { } indices && indices[^1].Number is { } depth)
        {
            var batch = c.Int("batch_dims", 0);
            var skip = batch + depth;
            dims = batch >= 0 && batch < indices.Length && skip <= x.Length ? [.. indices[..^1], .. x[(int)skip..]]
                : throw c.Mismatch($"its indices {NodeContext.Show(indices)} have more coordinates than its input {NodeContext.Show(x)} has dimensions");
        }

        c.Set(0, c.Type(0), dims);
    }

    /// <summary>The data with some elements replaced.</summary>
    public static void Scatter(NodeContext c) => c.Set(0, c.SameType(0, 2), c.Dims(0));

    /// <summary>The indices' shape becomes one more axis of length depth.</summary>
    public static void OneHot(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } indices)
        {
            var axis = c.Axis(c.Int("axis", -1), indices.Length + 1);
            var depth = c.Elements(1) is [{ } number] ? number : c.Opaque(0, axis);
            dims = [.. indices[..axis], depth, .. indices[axis..]];
        }

        c.Set(0, c.Type(2), dims);
    }

    public static void NonZero(NodeContext c) =>
        c.Set(0, DataType.Int64, c.Dims(0) is { } x ? [Math.Max(1, x.Length), c.Opaque(0, 1)] : [c.Opaque(0, 0), c.Opaque(0, 1)]);

    public static void Compress(NodeContext c)
    {
        Expression[]? dims = [c.Opaque(0, 0)];
        if (c.Attribute("axis") is not null)
        {
            dims = c.Dims(0) is { } x ? [.. x] : null;
            if (dims is not null)
            {
                var axis = c.Axis(c.Int("axis", 0), dims.Length);
                dims[axis] = c.Opaque(0, axis);
            }
        }

        c.Set(0, c.Type(0), dims);
    }

    public static void Unique(NodeContext c)
    {
        var count = c.Opaque(0, 0);
        Expression[]? dims = [count];
        Expression[] all = [c.Opaque(2, 0)];
        if (c.Attribute("axis") is not null)
        {
            dims = c.Dims(0) is { } x ? [.. x] : null;
            if (dims is not null)
            {
                var axis = c.Axis(c.Int("axis", 0), dims.Length);
                all = [dims[axis]];
                dims[axis] = count;
            }
        }
        else if (c.Dims(0) is { } x)
        {
            all = [Shaping.Product(x)];
        }

        c.Set(0, c.Type(0), dims);
        c.Set(1, DataType.Int64, count);
        c.Set(2, DataType.Int64, all);
        c.Set(3, DataType.Int64, count);
    }

    public static void NonMaxSuppression(NodeContext c) => c.Set(0, DataType.Int64, c.Opaque(0, 0), 3);

    /// <summary>Rows of a table of packed numbers, several to a byte, dequantized.</summary>
    public static void GatherBlockQuantized(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.DimsFrom(0, 1) is { } x && c.Dims(1) is { } indices)
        {
            var packed = c.Type(0) == DataType.UInt8 ? 8 / Math.Clamp(c.Int("bits", 4), 1, 8) : 1;
            x = [.. x[..^1], x[^1] * packed];
            var axis = c.Axis(c.Int("gather_axis", 0), x.Length);
            dims = [.. x[..axis], .. indices, .. x[(axis + 1)..]];
        }

        c.Set(0, c.Type(2), dims);
    }
}
