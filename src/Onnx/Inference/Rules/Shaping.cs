namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Operators that give the same elements another shape.</summary>
internal static class Shaping
{
    public static void Reshape(NodeContext c)
    {
        var x = c.Dims(0);
        Expression[]? dims = null;
        if ((c.Has(1) ? c.Elements(1) : c.Ints("shape")?.Select(Expression.Of).ToArray()) is { } target)
        {
            dims = Reshape(c, x, target);
        }
        else if (c.Dims(1, 1) is [{ Number: { } rank }])
        {
            dims = c.OpaqueShape(0, rank);
        }

        c.Set(0, c.Type(0), dims);
    }

    public static void Flatten(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            var axis = c.Int("axis", 1);
            var split = axis == x.Length ? x.Length : x.Length == 0 && axis is 0 or 1 or -1 ? 0 : c.Axis(axis, x.Length);
            dims = [Product(x.AsSpan(0, split)), Product(x.AsSpan(split))];
        }

        c.Set(0, c.Type(0), dims);
    }

    public static void Squeeze(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            var axes = c.AxesOf(1, out var known);
            if (axes is not null)
            {
                var gone = c.Axes(axes, x.Length);
                foreach (var axis in gone)
                {
                    if (x[axis].Number is { } number && number != 1)
                    {
                        throw c.Mismatch($"axis {axis} of its input {NodeContext.Show(x)} is not 1 and cannot be left out");
                    }
                }

                dims = [.. x.Where((_, axis) => !gone.Contains(axis))];
            }
            else if (!known)
            {
                dims = c.Dims(1) is [{ Number: { } count }] && count <= x.Length ? c.OpaqueShape(0, x.Length - count) : null;
            }
            else
            {
                // Without axes every 1 goes; a symbol is taken not to be 1.
                dims = [.. x.Where(dim => dim.Number != 1)];
            }
        }

        c.Set(0, c.Type(0), dims);
    }

    public static void Unsqueeze(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            var axes = c.AxesOf(1, out var known);
            if (axes is not null)
            {
                var rank = x.Length + axes.Length;
                var ones = c.Axes(axes, rank);
                var rest = new Queue<Expression>(x);
                dims = [.. Enumerable.Range(0, rank).Select(axis => ones.Contains(axis) ? Expression.One : rest.Dequeue())];
            }
            else if (!known && c.Dims(1) is [{ Number: { } count }])
            {
                dims = c.OpaqueShape(0, x.Length + count);
            }
        }

        c.Set(0, c.Type(0), dims);
    }

    public static void Transpose(NodeContext c) =>
        c.Set(0, c.Type(0), c.Dims(0) is { } x ? [.. Permutation(c, x.Length).Select(axis => x[axis])] : null);

    /// <summary>The axes of the input in the order in which they come out.</summary>
    public static int[] Permutation(NodeContext c, int rank)
    {
        if (c.Ints("perm") is not { } perm)
        {
            return [.. Enumerable.Range(0, rank).Reverse()];
        }

        return perm.Length == rank ? c.Axes(perm, rank)
            : throw c.Mismatch($"its perm [{string.Join(',', perm)}] does not fit its input {NodeContext.Show(c.Dims(0))}");
    }

    public static void DepthToSpace(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0, 4) is { } x)
        {
            var block = BlockSize(c);
            dims = [x[0], Divide(c, x, 1, block * block), x[2] * block, x[3] * block];
        }

        c.Set(0, c.Type(0), dims);
    }

    public static void SpaceToDepth(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0, 4) is { } x)
        {
            var block = BlockSize(c);
            dims = [x[0], x[1] * (block * block), Divide(c, x, 2, block), Divide(c, x, 3, block)];
        }

        c.Set(0, c.Type(0), dims);
    }

    public static Expression Product(ReadOnlySpan<Expression> dims)
    {
        var product = Expression.One;
        foreach (var dim in dims)
        {
            product *= dim;
        }

        return product;
    }

    private static Expression[] Reshape(NodeContext c, Expression[]? x, Expression?[] target)
    {
        var dims = new Expression?[target.Length];
        var holes = new List<int>();
        for (var axis = 0; axis < target.Length; axis++)
        {
            switch (target[axis]?.Number)
            {
                case 0 when c.Int("allowzero", 0) == 0:
                    dims[axis] = x is null ? null
                        : axis < x.Length ? x[axis] : throw c.Mismatch($"its new shape {Text(target)} copies axis {axis}, which its input {NodeContext.Show(x)} does not have");
                    break;
                case < -1:
                    throw c.Mismatch($"its new shape is {Text(target)}");
                case -1:
                    break;
                default:
                    dims[axis] = target[axis];
                    break;
            }

            if (dims[axis] is null)
            {
                holes.Add(axis);
            }
        }

        if (x is not null && holes.Count < 2)
        {
            var (have, want) = Cancel(x, [.. dims.OfType<Expression>()]);
            if (holes.Count == 1)
            {
                dims[holes[0]] = Expression.DivideExactly(have, want);
                if (dims[holes[0]] is null && have.Number is not null && want.Number is not null and not 0)
                {
                    throw c.Mismatch($"its input {NodeContext.Show(x)} cannot be reshaped to {Text(target)}");
                }
            }
            else if (Expression.Differ(have, want))
            {
                throw c.Mismatch($"its input {NodeContext.Show(x)} cannot be reshaped to {NodeContext.Show(dims!)}");
            }
        }

        return [.. dims.Select((dim, axis) => dim ?? c.Opaque(0, axis))];
    }

    /// <summary>The products of both lists without the factors they share; shared symbols need no division then.</summary>
    private static (Expression Left, Expression Right) Cancel(Expression[] left, Expression[] right)
    {
        var rest = left.ToList();
        var unmatched = right.Where(dim => dim.Number == 0 || !rest.Remove(dim)).ToArray();
        return (Product([.. rest]), Product(unmatched));
    }

    private static string Text(Expression?[] target) => $"[{string.Join(',', target.Select(dim => dim?.ToString() ?? "?"))}]";

    private static long BlockSize(NodeContext c) => c.Int("blocksize", 1) is > 0 and var block ? block : throw c.Mismatch("its blocksize must be positive");

    private static Expression Divide(NodeContext c, Expression[] x, int axis, long divisor) =>
        Expression.DivideExactly(x[axis], divisor) ?? (x[axis].Number is null ? Expression.FloorDivide(x[axis], divisor)!
            : throw c.Mismatch($"axis {axis} of its input {NodeContext.Show(x)} is not a multiple of {divisor}"));
}
