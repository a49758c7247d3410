using System.Runtime.CompilerServices;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>Keeps one grid for each run of slots and shape, so that what is told of it in one place holds in all.</summary>
internal sealed class GridCache
{
    private readonly Dictionary<Key, Grid> _grids = [];
    private readonly List<Grid> _all = [];
    private readonly HashSet<(Grid Grid, int Dim, Grid Finer)> _splits = [];
    private int _count;

    /// <summary>All grids of several dimensions.</summary>
    public IReadOnlyList<Grid> All => _all;

    /// <summary>Grids of several dimensions of which one became two, and what they became.</summary>
    public IEnumerable<(Grid Grid, int Dim, Grid Finer)> Splits => _splits;

    /// <summary>All grids, plain axes among them.</summary>
    public IEnumerable<Grid> Everything => _all.Concat(_grids.Values.Where(grid => grid.Rank == 1));

    /// <summary>All grids of which slices are coupled, plain axes among them.</summary>
    public IEnumerable<Grid> WithUnits => _all.Concat(_grids.Values.Where(grid => grid.Rank == 1)).Where(grid => grid.HasUnits);

    /// <summary>The slots as one axis.</summary>
    public Grid Plain(int[] slots) => Get(slots, [slots.Length]);

    /// <summary>The slots as an array.</summary>
    public Grid Get(int[] slots, int[] shape)
    {
        var key = new Key(slots, string.Join(',', shape));
        if (!_grids.TryGetValue(key, out var grid))
        {
            grid = Add(new Grid(slots, shape) { IsHard = shape.Length > 2 });
            _grids.Add(key, grid);
        }

        return grid;
    }

    /// <summary>Takes a grid in that was made from another one.</summary>
    public Grid Add(Grid grid)
    {
        grid.Id = ++_count;
        if (grid.Rank > 1)
        {
            _all.Add(grid);
        }

        return grid;
    }

    /// <summary>The same slots with a dimension in two parts.</summary>
    public Grid Split(Grid grid, int dim, int major)
    {
        List<int> shape = [.. grid.Shape];
        shape[dim] = major;
        shape.Insert(dim + 1, grid.Shape[dim] / major);
        var finer = Get(grid.Slots, [.. shape]);
        if (grid.Rank > 1)
        {
            _splits.Add((grid, dim, finer));
        }

        finer.IsHard |= grid is { Rank: > 1, IsHard: true };
        finer.HeadDims |= Shift(grid.HeadDims, dim);
        finer.AloneDims |= Shift(grid.AloneDims, dim);
        return finer;
    }

    /// <summary>Bits of dimensions after one of them became two, both of which have its bit.</summary>
    private static int Shift(int bits, int dim)
    {
        var lower = bits & ((1 << (dim + 1)) - 1);
        var upper = bits >> dim << (dim + 1);
        return lower | upper;
    }

    private readonly record struct Key(int[] Slots, string Shape)
    {
        public bool Equals(Key other) => ReferenceEquals(Slots, other.Slots) && Shape == other.Shape;

        public override int GetHashCode() => HashCode.Combine(RuntimeHelpers.GetHashCode(Slots), Shape);
    }
}
