namespace CompressTool.Compression.Pruning.Dependencies.Rules;

/// <summary>Operators that work index by index: what lies at the same place goes together.</summary>
internal static class Elementwise
{
    /// <summary>One input gives the layout; others are scalars or tell how.</summary>
    public static void Unary(NodeContext c)
    {
        c.Output(c.Input(0));
        for (var output = 1; output < c.Node.Outputs.Count; output++)
        {
            if (c.Node.Output(output) is not null && c.OutputDims(output).SequenceEqual(c.OutputDims()))
            {
                c.Output(c.Input(0), output);
            }
        }
    }

    /// <summary>All inputs are broadcast to the output's shape.</summary>
    public static void Broadcast(NodeContext c)
    {
        Layout? result = null;
        for (var index = 0; index < c.Node.Inputs.Count; index++)
        {
            if (c.Has(index))
            {
                result = result is null ? c.Input(index) : Join(c, result, c.Input(index));
            }
        }

        c.Output(Pad(result!, c.OutputDims().Length));
    }

    /// <summary>Couples two values that are broadcast to one shape.</summary>
    /// <returns>The layout of the result.</returns>
    public static Layout Join(NodeContext c, Layout first, Layout second)
    {
        var rank = Math.Max(first.Rank, second.Rank);
        (first, second) = (Pad(first, rank), Pad(second, rank));
        var both = Enumerable.Range(0, rank).Where(axis => Layout.LengthOf(first.Axes[axis]) > 1 && Layout.LengthOf(second.Axes[axis]) > 1).ToArray();
        if (both.Length > 0)
        {
            // The other axes are split along, since a grid may lie in them as well.
            (first, second) = Coupled(c, first, second, both);
        }

        return Pick(first, second);
    }

    /// <summary>Couples some axes of two values.</summary>
    public static (Layout First, Layout Second) Coupled(NodeContext c, Layout first, Layout second, IReadOnlyList<int> axes)
    {
        // A second value with the axes that do not meet left empty, so that splitting sees the whole of both.
        Factor[][] a = [.. axes.Select(axis => first.Axes[axis]), .. Others(first, axes)], b = [.. axes.Select(axis => second.Axes[axis]), .. Others(second, axes)];
        var (x, y) = c.Coupling.CoupleSome(a, b, axes.Count, c.Where);
        return (Restore(first, x, axes), Restore(second, y, axes));
    }

    /// <summary>Chooses for each axis the value that shows more: the longer one, or the one whose grids are whole in the result.</summary>
    /// <param name="first">A value.</param>
    /// <param name="second">Another one.</param>
    public static Layout Pick(Layout first, Layout second)
    {
        var result = new Factor[first.Rank][];
        for (var axis = 0; axis < result.Length; axis++)
        {
            var (a, b) = (first.Axes[axis], second.Axes[axis]);
            result[axis] = Layout.LengthOf(a) != Layout.LengthOf(b) ? (a.Length > 0 ? a : b)
                : Weight(b, second) > Weight(a, first) ? b : a;
        }

        return new Layout(result);
    }

    /// <summary>Axes of length 1 in front.</summary>
    public static Layout Pad(Layout layout, int rank) =>
        layout.Rank == rank ? layout : new Layout([.. Enumerable.Repeat(Array.Empty<Factor>(), rank - layout.Rank), .. layout.Axes]);

    /// <summary>How much an axis tells: grids that lie in other axes too and are whole tell most; lengths that stay settle it.</summary>
    private static int Weight(Factor[] axis, Layout layout) => axis.Where(factor => factor.Grid is not null)
        .Select(factor => !Layout.IsComplete(factor.Grid!, layout.Axes) ? 1 : Layout.IsComplete(factor.Grid!, [axis]) ? 2 : 3).DefaultIfEmpty(4).Min();

    private static IEnumerable<Factor[]> Others(Layout layout, IReadOnlyList<int> axes) =>
        Enumerable.Range(0, layout.Rank).Where(axis => !axes.Contains(axis)).Select(axis => layout.Axes[axis]);

    private static Layout Restore(Layout old, Factor[][] axes, IReadOnlyList<int> order)
    {
        var result = new Factor[old.Rank][];
        var rest = order.Count;
        for (var axis = 0; axis < result.Length; axis++)
        {
            var place = order.Index().Where(pair => pair.Item == axis).Select(pair => pair.Index + 1).FirstOrDefault();
            result[axis] = place > 0 ? axes[place - 1] : axes[rest++];
        }

        return new Layout(result);
    }
}
