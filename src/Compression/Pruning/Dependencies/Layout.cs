namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// A part of an axis: a dimension of a grid of slots, or a length that stays (positions, samples). An axis is a product of factors,
/// the slowest first.
/// </summary>
/// <param name="Grid">The grid; null for a length that stays.</param>
/// <param name="Dim">Which dimension of the grid.</param>
/// <param name="Length">How long it is.</param>
internal readonly record struct Factor(Grid? Grid, int Dim, int Length)
{
    /// <summary>A length that stays.</summary>
    public static Factor Fixed(int length) => new(null, 0, length);

    /// <summary>A dimension of a grid.</summary>
    public static Factor Of(Grid grid, int dim = 0) => new(grid, dim, grid.Shape[dim]);
}

/// <summary>What the axes of a value consist of. Immutable; an axis of length 1 has no factors.</summary>
internal sealed class Layout(Factor[][] axes)
{
    /// <summary>The factors of each axis.</summary>
    public Factor[][] Axes { get; } = axes;

    /// <summary>Number of axes.</summary>
    public int Rank => Axes.Length;

    /// <summary>A layout in which nothing can go.</summary>
    public static Layout Fixed(IReadOnlyList<int> dims) => new([.. dims.Select(FixedAxis)]);

    /// <summary>An axis in which nothing can go.</summary>
    public static Factor[] FixedAxis(int length) => length == 1 ? [] : [Factor.Fixed(length)];

    /// <summary>The length of an axis.</summary>
    public static int LengthOf(Factor[] axis)
    {
        var length = 1;
        foreach (var factor in axis)
        {
            length *= factor.Length;
        }

        return length;
    }

    /// <summary>Whether an axis holds slots.</summary>
    public static bool HasSlots(Factor[] axis) => Array.Exists(axis, factor => factor.Grid is not null);

    /// <summary>Whether any axis holds slots.</summary>
    public bool HasAnySlots => Array.Exists(Axes, HasSlots);

    /// <summary>The grids in it, each once.</summary>
    public IEnumerable<Grid> Grids => Axes.SelectMany(axis => axis).Select(factor => factor.Grid).OfType<Grid>().Distinct();

    /// <summary>The same with another axis in one place.</summary>
    public Layout With(int index, Factor[] axis)
    {
        Factor[][] result = [.. Axes];
        result[index] = axis;
        return new Layout(result);
    }

    /// <summary>The axes in another order.</summary>
    public Layout Permute(IReadOnlyList<int> order) => new([.. order.Select(axis => Axes[axis])]);

    /// <summary>Whether all dimensions of a grid lie in some of the axes.</summary>
    public static bool IsComplete(Grid grid, IEnumerable<Factor[]> axes)
    {
        var seen = 0;
        foreach (var axis in axes)
        {
            foreach (var factor in axis)
            {
                seen |= factor.Grid == grid ? 1 << factor.Dim : 0;
            }
        }

        return seen == (1 << grid.Rank) - 1;
    }

    /// <summary>
    /// The slot at each index of an axis, -1 where nothing can go. Null when an index stands for several slots or for a part of a
    /// grid whose rest lies elsewhere.
    /// </summary>
    public static int[]? SlotsOf(Factor[] axis)
    {
        if (axis is [{ Grid.Rank: 1 } only])
        {
            return only.Grid.Slots;
        }

        Grid? grid = null;
        var dims = new List<int>();
        foreach (var factor in axis)
        {
            if (factor.Grid is { } other)
            {
                if (grid is not null && grid != other)
                {
                    return null;
                }

                grid = other;
                dims.Add(factor.Dim);
            }
        }

        var result = new int[LengthOf(axis)];
        if (grid is null)
        {
            Array.Fill(result, -1);
            return result;
        }

        if (dims.Count != grid.Rank || dims.Distinct().Count() != grid.Rank)
        {
            return null;
        }

        var slots = grid.Permuted([.. dims]);
        for (var index = 0; index < result.Length; index++)
        {
            // What the fixed factors add to the index is left out.
            int rest = index, position = 0, stride = 1;
            for (var place = axis.Length - 1; place >= 0; place--)
            {
                var coordinate = rest % axis[place].Length;
                rest /= axis[place].Length;
                if (axis[place].Grid is not null)
                {
                    position += coordinate * stride;
                    stride *= axis[place].Length;
                }
            }

            result[index] = slots[position];
        }

        return result;
    }

    /// <summary>Splits a dimension of a grid in two wherever it occurs; the slots stay the same.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="dim">The dimension.</param>
    /// <param name="major">Length of the slower part.</param>
    /// <param name="grids">Makes the finer grid.</param>
    public Layout Split(Grid grid, int dim, int major, GridCache grids)
    {
        var finer = grids.Split(grid, dim, major);
        return new Layout([.. Axes.Select(axis => Substitute(axis, grid, dim, finer))]);
    }

    /// <summary>Splits a factor of an axis in two.</summary>
    public Layout SplitAt(int axis, int place, int major, GridCache grids)
    {
        var factor = Axes[axis][place];
        if (factor.Grid is { } grid)
        {
            return Split(grid, factor.Dim, major, grids);
        }

        List<Factor> factors = [.. Axes[axis]];
        factors[place] = Factor.Fixed(major);
        factors.Insert(place + 1, Factor.Fixed(factor.Length / major));
        return With(axis, [.. factors]);
    }

    /// <summary>Puts a grid in place of another one with the same dimensions.</summary>
    public Layout Replace(Grid old, Grid grid) => new([.. Axes.Select(axis =>
        Array.ConvertAll(axis, factor => factor.Grid == old ? Factor.Of(grid, factor.Dim) : factor))]);

    /// <summary>
    /// The factors in axes of other lengths, in the same order: what a Reshape does. Null when an axis would begin or end inside of a
    /// factor that cannot be split there.
    /// </summary>
    public Layout? Regroup(IReadOnlyList<int> dims, GridCache grids)
    {
        // All factors in one long axis, so that a grid that is split is split everywhere.
        var all = new Layout([[.. Axes.SelectMany(axis => axis)]]);
        var borders = new List<int>();
        var place = 0;
        foreach (var dim in dims)
        {
            var rest = dim;
            while (rest > 1)
            {
                if (place >= all.Axes[0].Length)
                {
                    return null;
                }

                var length = all.Axes[0][place].Length;
                if (rest % length == 0)
                {
                    rest /= length;
                }
                else if (length % rest == 0)
                {
                    all = all.SplitAt(0, place, rest, grids);
                    rest = 1;
                }
                else
                {
                    return null;
                }

                place++;
            }

            borders.Add(place);
        }

        if (place != all.Axes[0].Length)
        {
            return null;
        }

        var start = 0;
        var axes = new Factor[dims.Count][];
        for (var axis = 0; axis < axes.Length; axis++)
        {
            Harden(all.Axes[0].AsSpan(start..borders[axis]));
            axes[axis] = Collapse(all.Axes[0][start..borders[axis]], grids);
            start = borders[axis];
        }

        return new Layout(axes);
    }

    /// <summary>
    /// Where an axis takes a grid apart, places within its rows matter: rows stay equally long when something lies between its dimensions,
    /// and lose the same places when the dimensions are in another order, as the channels of a shuffle do.
    /// </summary>
    private static void Harden(ReadOnlySpan<Factor> axis)
    {
        for (var second = 1; second < axis.Length; second++)
        {
            for (var first = 0; first < second; first++)
            {
                if (axis[second].Grid is not { } grid || axis[first].Grid != grid)
                {
                    continue;
                }

                grid.IsHard |= second > first + 1;
                if (axis[first].Dim > axis[second].Dim)
                {
                    grid.IsHard = true;
                    grid.AloneDims |= (1 << grid.Rank) - 1;
                }
            }
        }
    }

    /// <summary>An axis that consists of a whole grid, row by row, is the grid's slots again.</summary>
    private static Factor[] Collapse(Factor[] axis, GridCache grids)
    {
        if (axis is not [{ Grid: { Rank: > 1 } }, ..])
        {
            return axis;
        }

        var grid = axis[0].Grid!;
        if (axis.Length != grid.Rank || axis.Index().Any(pair => pair.Item.Grid != grid))
        {
            return axis;
        }

        return [Factor.Of(grids.Plain(grid.Permuted(Array.ConvertAll(axis, factor => factor.Dim))))];
    }

    private static Factor[] Substitute(Factor[] axis, Grid grid, int dim, Grid finer)
    {
        if (!Array.Exists(axis, factor => factor.Grid == grid))
        {
            return axis;
        }

        var result = new List<Factor>();
        foreach (var factor in axis)
        {
            if (factor.Grid != grid)
            {
                result.Add(factor);
            }
            else if (factor.Dim == dim)
            {
                result.Add(Factor.Of(finer, dim));
                result.Add(Factor.Of(finer, dim + 1));
            }
            else
            {
                result.Add(Factor.Of(finer, factor.Dim > dim ? factor.Dim + 1 : factor.Dim));
            }
        }

        return [.. result];
    }
}
