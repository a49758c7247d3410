namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Pooling over spatial axes, and sampling of regions.</summary>
internal static class Pooling
{
    public static void Pool(NodeContext c)
    {
        var dims = Shape(c, c.DimsFrom(0, 3));
        c.Set(0, c.Type(0), dims);
        c.Set(1, DataType.Int64, dims);
    }

    /// <summary>Channels last.</summary>
    public static void NhwcPool(NodeContext c) => c.Set(0, c.Type(0), ChannelsLast(Shape(c, ChannelsFirst(c.DimsFrom(0, 3)))));

    public static void QLinearPool(NodeContext c)
    {
        var dims = c.DimsFrom(0, 3);
        c.Set(0, c.Type(0), c.Int("channels_last", 0) == 0 ? Shape(c, dims) : ChannelsLast(Shape(c, ChannelsFirst(dims))));
    }

    public static void Global(NodeContext c) =>
        c.Set(0, c.Type(0), c.DimsFrom(0, 3) is not { } x ? null
            : c.Int("channels_last", 0) == 0 ? [x[0], x[1], .. Enumerable.Repeat(Expression.One, x.Length - 2)]
            : [x[0], .. Enumerable.Repeat(Expression.One, x.Length - 2), x[^1]]);

    public static void MaxUnpool(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Elements(2) is { } shape && shape.All(dim => dim is not null))
        {
            dims = shape!;
        }
        else if (c.DimsFrom(0, 3) is { } x)
        {
            dims = c.Has(2) || c.Ints("kernel_shape") is null ? c.OpaqueShape(0, x.Length)
                : [x[0], x[1], .. Windows.Transposed(c, x.AsSpan(2), [.. Windows.PerAxis(c, "kernel_shape", x.Length - 2, 1).Select(Expression.Of)])];
        }

        c.Set(0, c.Type(0), dims);
    }

    public static void RoiAlign(NodeContext c) =>
        c.Set(0, c.Type(0), c.Dims(0, 4) is { } x && c.Dims(1, 2) is { } regions ? [regions[0], x[1], c.Int("output_height", 1), c.Int("output_width", 1)] : null);

    public static void MaxRoiPool(NodeContext c) =>
        c.Set(0, c.Type(0), c.Dims(0, 4) is { } x && c.Dims(1, 2) is { } regions && c.Ints("pooled_shape") is [var height, var width] ? [regions[0], x[1], height, width] : null);

    public static void GridSample(NodeContext c) =>
        c.Set(0, c.Type(0), c.DimsFrom(0, 3) is { } x && c.Dims(1, x.Length) is { } grid ? [x[0], x[1], .. grid[1..^1]] : null);

    /// <summary>The size input is [N, C, spatial...]; the grid has one coordinate per spatial axis in its last dimension.</summary>
    public static void AffineGrid(NodeContext c) =>
        c.Set(0, c.Type(0), c.Elements(1) is { Length: > 2 } size ? [.. size[..1].Concat(size[2..]).Select((dim, axis) => dim ?? c.Opaque(0, axis)), size.Length - 2] : null);

    /// <summary>Input [N, C * block, L], the image's shape, the block's shape.</summary>
    public static void Col2Im(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0, 3) is { } x && c.Elements(1) is { } image)
        {
            var block = c.Numbers(2);
            var channels = block is null ? null : Expression.DivideExactly(x[1], NodeContext.Count(block));
            dims = [x[0], channels ?? c.Opaque(0, 1), .. image.Select((dim, axis) => dim ?? c.Opaque(0, axis + 2))];
        }

        c.Set(0, c.Type(0), dims);
    }

    private static Expression[]? Shape(NodeContext c, Expression[]? x)
    {
        if (x is null || c.Ints("kernel_shape") is null)
        {
            return null;
        }

        var kernel = Windows.PerAxis(c, "kernel_shape", x.Length - 2, 1);
        return [x[0], x[1], .. Windows.Output(c, x.AsSpan(2), [.. kernel.Select(Expression.Of)], c.Int("ceil_mode", 0) != 0)];
    }

    private static Expression[]? ChannelsFirst(Expression[]? x) => x is null ? null : [x[0], x[^1], .. x[1..^1]];

    private static Expression[]? ChannelsLast(Expression[]? x) => x is null ? null : [x[0], .. x[2..], x[1]];
}
