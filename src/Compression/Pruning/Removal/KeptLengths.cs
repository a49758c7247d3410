using CompressTool.Compression.Pruning.Dependencies;

namespace CompressTool.Compression.Pruning.Removal;

/// <summary>How long axes are when some slots are gone.</summary>
/// <param name="isRemoved">Whether a slot is gone.</param>
internal sealed class KeptLengths(Func<int, bool> isRemoved)
{
    private readonly Dictionary<Grid, int[]> _shapes = [];

    /// <summary>The indices of a run of slots that stay.</summary>
    public int[] KeptOf(int[] slots)
    {
        var kept = new List<int>(slots.Length);
        for (var index = 0; index < slots.Length; index++)
        {
            if (slots[index] < 0 || !isRemoved(slots[index]))
            {
                kept.Add(index);
            }
        }

        return [.. kept];
    }

    /// <summary>The length of an axis.</summary>
    public int Of(Factor[] axis)
    {
        var length = 1;
        foreach (var factor in axis)
        {
            length *= factor.Grid is { } grid ? ShapeOf(grid)[factor.Dim] : factor.Length;
        }

        return length;
    }

    /// <summary>How many of the first indices of an axis stay.</summary>
    public int Before(Factor[] axis, int count)
    {
        if (Layout.SlotsOf(axis) is { } slots)
        {
            return KeptOf(slots[..count]).Length;
        }

        if (axis is [{ Grid: { } grid, Dim: var dim }])
        {
            return KeptAlong(grid, dim).Count(index => index < count);
        }

        return count;
    }

    /// <summary>The indices along a dimension of a grid of which something stays.</summary>
    public IEnumerable<int> KeptAlong(Grid grid, int dim)
    {
        var isLeft = new bool[grid.Shape[dim]];
        for (var position = 0; position < grid.Slots.Length; position++)
        {
            isLeft[grid.Coordinate(position, dim)] |= !isRemoved(grid.Slots[position]);
        }

        return Enumerable.Range(0, isLeft.Length).Where(index => isLeft[index]);
    }

    /// <summary>The shape of a grid.</summary>
    /// <exception cref="InvalidOperationException">Its rows are not equally long any more: the choice breaks what the analysis asks for.</exception>
    public int[] ShapeOf(Grid grid)
    {
        if (_shapes.TryGetValue(grid, out var shape))
        {
            return shape;
        }

        var kept = grid.Slots.Count(slot => !isRemoved(slot));
        shape = kept == grid.Slots.Length ? grid.Shape
            : grid.Rank == 1 ? [kept]
            : !grid.IsHard && grid.Rank == 2 && kept % grid.Shape[0] == 0 ? [grid.Shape[0], kept / grid.Shape[0]]
            : Evened(grid, kept) ?? throw new InvalidOperationException($"{kept} of {grid.Slots.Length} channels do not fill [{string.Join(',', grid.Shape)}] evenly.");
        return _shapes[grid] = shape;
    }

    /// <summary>The shape when whole slices are gone, and along one dimension perhaps others in each row, as many.</summary>
    private int[]? Evened(Grid grid, int kept)
    {
        var shape = Enumerable.Range(0, grid.Rank).Select(dim => KeptAlong(grid, dim).Count()).ToArray();
        for (var dim = grid.Rank - 1; dim >= 0; dim--)
        {
            var rows = shape.Where((_, other) => other != dim).Aggregate(1, (product, length) => product * length);
            if (rows > 0 && kept % rows == 0 && HasEqualRows(grid, dim, kept / rows))
            {
                shape[dim] = kept / rows;
                return shape;
            }
        }

        return null;
    }

    private bool HasEqualRows(Grid grid, int dim, int length)
    {
        var counts = new int[grid.Slots.Length];
        var stride = grid.StrideOf(dim);
        for (var position = 0; position < grid.Slots.Length; position++)
        {
            counts[position - (grid.Coordinate(position, dim) * stride)] += isRemoved(grid.Slots[position]) ? 0 : 1;
        }

        return Array.TrueForAll(counts, count => count == 0 || count == length);
    }
}
