namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Slice: a start, an end and a step for some axes.</summary>
internal static class Slicing
{
    /// <summary>Exporters write numbers this large, or smaller, for "to the end".</summary>
    private const long Infinite = int.MaxValue;

    public static void Slice(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            var ranges = Ranges(c, x.Length);
            dims = ranges is null ? c.OpaqueShape(0, x.Length) : [.. x];
            foreach (var range in ranges ?? [])
            {
                dims[range.Axis] = Length(x[range.Axis], range) ?? c.Opaque(0, range.Axis);
            }
        }

        c.Set(0, c.Type(0), dims);
    }

    /// <summary>Which axes are cut and how; null when the axes are unknown.</summary>
    public static IReadOnlyList<Range>? Ranges(NodeContext c, int rank)
    {
        // Before version 10 all were attributes.
        var isInput = c.Has(1) || c.Has(2);
        var starts = isInput ? c.Elements(1) : c.Ints("starts")?.Select(Expression.Of).ToArray();
        var ends = isInput ? c.Elements(2) : c.Ints("ends")?.Select(Expression.Of).ToArray();
        var axes = c.Has(3) ? c.Numbers(3) : isInput ? null : c.Ints("axes");
        var count = starts?.Length ?? ends?.Length ?? (c.Dims(1) is [{ Number: { } number }] ? (int)number : -1);
        if ((axes is null && c.Has(3)) || count < 0)
        {
            return null;
        }

        axes ??= [.. Enumerable.Range(0, count).Select(axis => (long)axis)];
        if (axes.Length != count || (ends is not null && ends.Length != count))
        {
            throw c.Mismatch($"it has {count} starts, {ends?.Length} ends and {axes.Length} axes");
        }

        var steps = c.Has(4) ? c.Numbers(4) : null;
        if (steps is not null && (steps.Length != count || steps.Contains(0)))
        {
            throw c.Mismatch($"its steps are [{string.Join(',', steps)}]");
        }

        return [.. c.Axes(axes, rank).Select((axis, index) => new Range(axis, starts?[index], ends?[index], !c.Has(4) ? 1 : steps?[index]))];
    }

    /// <summary>The first element taken of a dimension that is a number.</summary>
    public static long? First(long dim, Range range) => range is { Start.Number: { } start, Step: { } step }
        ? Math.Clamp(start < 0 ? start + dim : start, 0, Math.Max(0, step > 0 ? dim : dim - 1)) : null;

    /// <summary>How many elements are taken; null when unknown.</summary>
    private static Expression? Length(Expression dim, Range range)
    {
        if (range.Start is not { } start || range.End is not { } end || range.Step is not { } step)
        {
            return null;
        }

        if (step < 0)
        {
            // The runtime takes the largest numbers for "to the end" in this direction too, which the standard does not say.
            var last = dim - 1;
            var high = start.Number >= Infinite ? last : FromFront(start, dim) is { } from ? Expression.Min(Expression.Max(from, 0), last) : null;
            var low = end.Number is <= -Infinite or int.MaxValue or long.MaxValue ? Expression.Of(-1) : FromFront(end, dim) is { } to ? Expression.Min(Expression.Max(to, -1), last) : null;
            return high is null || low is null ? null : Expression.Max(0, Expression.CeilingDivide(high - low, -step)!);
        }

        var first = start.Number <= -Infinite ? Expression.Zero : FromFront(start, dim);
        var behind = end.Number >= Infinite ? dim : FromFront(end, dim);
        if (first is null || behind is null)
        {
            return null;
        }

        // The end is the dimension's own: then no need to limit the start.
        first = Expression.Max(first, 0);
        behind = Expression.Min(Expression.Max(behind, 0), dim);
        var count = behind.Equals(dim) ? dim - first : behind - Expression.Min(first, dim);
        return Expression.CeilingDivide(Expression.Max(0, count), step);
    }

    /// <summary>A position that may count from the back; null when that is not known.</summary>
    private static Expression? FromFront(Expression position, Expression dim) =>
        position.Minimum >= 0 ? position : position.Number is not null || (position * -1).Minimum > 0 ? dim + position : null;

    /// <summary>The cut of one axis; null where unknown.</summary>
    public sealed record Range(int Axis, Expression? Start, Expression? End, long? Step);
}
