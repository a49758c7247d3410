namespace CompressTool.Onnx.Inference.Content;

/// <summary>Content of reductions and running sums of small integer tensors.</summary>
internal static class Aggregation
{
    public static void Sum(NodeContext c) => Reduce(c, (a, b) => a + b);

    public static void Product(NodeContext c) => Reduce(c, (a, b) => a * b);

    public static void Max(NodeContext c) => Reduce(c, Expression.Max);

    public static void Min(NodeContext c) => Reduce(c, Expression.Min);

    public static void CumSum(NodeContext c)
    {
        if (!NumberConversion.IsInteger(c.Type(0)) || c.Elements(0) is not { } elements || c.Fact(0).StaticDims is not { } dims || c.Numbers(1) is not [var along])
        {
            return;
        }

        var axis = c.Axis(along, dims.Length);
        var stride = Strides.Of(dims)[axis];
        var (reverse, exclusive) = (c.Int("reverse", 0) != 0, c.Int("exclusive", 0) != 0);
        var result = new Expression?[elements.Length];
        for (var start = 0; start < elements.Length; start++)
        {
            if (start / stride % dims[axis] != 0)
            {
                continue;
            }

            Expression? sum = Expression.Zero;
            for (var step = 0; step < dims[axis]; step++)
            {
                var position = start + (stride * (reverse ? (int)dims[axis] - 1 - step : step));
                var after = sum is null || elements[position] is not { } element ? null : sum + element;
                result[position] = exclusive ? sum : after;
                sum = after;
            }
        }

        c.Fill(0, result);
    }

    private static void Reduce(NodeContext c, Func<Expression, Expression, Expression> combine)
    {
        if (!NumberConversion.IsInteger(c.Type(0)) || c.Elements(0) is not { } elements || c.Fact(0).StaticDims is not { } dims || c.ComputableDims() is not { } to)
        {
            return;
        }

        var given = c.AxesOf(1, out var known);
        if (!known || (given is null or [] && c.Int("noop_with_empty_axes", 0) != 0))
        {
            return;
        }

        int[] axes = given is null or [] ? [.. Enumerable.Range(0, dims.Length)] : c.Axes(given, dims.Length);
        long[] kept = [.. dims.Select((dim, axis) => axes.Contains(axis) ? 1 : dim)];
        var strides = Strides.Of(kept);
        foreach (var axis in axes)
        {
            strides[axis] = 0;
        }

        var result = new Expression?[NodeContext.Count(to)];
        var started = new bool[result.Length];
        foreach (var (position, place) in Strides.Map(dims, strides).Index())
        {
            result[place] = !started[place] ? elements[position] : result[place] is { } sum && elements[position] is { } element ? combine(sum, element) : null;
            started[place] = true;
        }

        if (started.All(done => done))
        {
            c.Fill(0, result);
        }
    }
}
