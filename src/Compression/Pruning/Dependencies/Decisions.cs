namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// Turns what the walk found into decisions: sets of slots that are removed together. Slots at the same place are one already; this
/// adds what holds for the rows and columns of grids.
/// </summary>
internal sealed class Decisions
{
    private readonly DependencyWalk _walk;
    private readonly Dictionary<int, List<int>> _slotsOf = [];

    public Decisions(DependencyWalk walk)
    {
        _walk = walk;
        var units = FindUnits();
        foreach (var slice in units.Values.Where(IsHead).SelectMany(slices => slices))
        {
            slice.Grid.HeadDims |= 1 << slice.Dim;
        }

        HeadUnits = [.. units.Where(unit => IsHead(unit.Value)).OrderBy(unit => unit.Key).Select(unit => unit.Value)];
        FreeDims = walk.Coupling.Grids.All.ToDictionary(grid => grid, FreeDim);
        JoinHeadSizes(units);
        JoinColumns(units);
        Alone = [.. Alone.Select(walk.Coupling.Slots.Find)];
        for (var slot = 0; slot < walk.Coupling.Slots.Count; slot++)
        {
            var root = walk.Coupling.Slots.Find(slot);
            (_slotsOf.TryGetValue(root, out var all) ? all : _slotsOf[root] = []).Add(slot);
        }
    }

    /// <summary>A slice of a grid along a dimension.</summary>
    public readonly record struct Slice(Grid Grid, int Dim, int Index)
    {
        /// <summary>The slots in it.</summary>
        public IEnumerable<int> Slots
        {
            get
            {
                for (var position = 0; position < Grid.Slots.Length; position++)
                {
                    if (Grid.Coordinate(position, Dim) == Index)
                    {
                        yield return Grid.Slots[position];
                    }
                }
            }
        }
    }

    /// <summary>For each head, the slices that are removed with it.</summary>
    public IReadOnlyList<List<Slice>> HeadUnits { get; }

    /// <summary>The dimension of each grid along which single slots may go, each row as many; -1 when only whole slices may.</summary>
    public IReadOnlyDictionary<Grid, int> FreeDims { get; }

    /// <summary>All slots that go together with one.</summary>
    public IReadOnlyList<int> SlotsOf(int slot) => _slotsOf[_walk.Coupling.Slots.Find(slot)];

    private static bool IsHead(List<Slice> slices) => slices.Exists(slice => slice.Grid.Rank > 1 && ((slice.Grid.HeadDims >> slice.Dim) & 1) != 0);

    private static int FreeDim(Grid grid)
    {
        if (!grid.IsHard && grid.Rank == 2)
        {
            return 1;
        }

        for (var dim = grid.Rank - 1; dim >= 0; dim--)
        {
            if ((((grid.HeadDims | grid.AloneDims) >> dim) & 1) == 0)
            {
                return dim;
            }
        }

        return -1;
    }

    /// <summary>The slices behind each unit; plain axes that are coupled with slices are slices of one slot.</summary>
    private Dictionary<int, List<Slice>> FindUnits()
    {
        var units = new Dictionary<int, List<Slice>>();
        foreach (var grid in _walk.Coupling.Grids.WithUnits)
        {
            for (var dim = 0; dim < grid.Rank; dim++)
            {
                foreach (var (index, unit) in (grid.UnitsOf(dim) ?? []).Index())
                {
                    var root = _walk.Coupling.Units.Find(unit);
                    (units.TryGetValue(root, out var slices) ? slices : units[root] = []).Add(new Slice(grid, dim, index));
                }
            }
        }

        return units;
    }

    /// <summary>
    /// Heads of one attention keep the same size in query, key and value, as the frameworks that the model may go back to demand:
    /// grids whose heads go together and have as many parts are coupled part by part.
    /// </summary>
    private void JoinHeadSizes(Dictionary<int, List<Slice>> units)
    {
        foreach (var slices in units.Values)
        {
            var twins = slices.Where(slice => slice.Grid.Rank == 2 && slice.Dim == 0 && slice.Grid.HeadDims == 1).Select(slice => slice.Grid).Distinct().ToArray();
            foreach (var twin in twins.Skip(1))
            {
                if (twin.Shape.SequenceEqual(twins[0].Shape) && slices.Where(slice => slice.Grid == twin || slice.Grid == twins[0]).Select(slice => slice.Index).Distinct().Count() == 1)
                {
                    _walk.Coupling.Slots.Join(twins[0].Slots, twin.Slots);
                }
            }
        }
    }

    /// <summary>Where only whole slices may go, the slots of a slice go together.</summary>
    private void JoinColumns(Dictionary<int, List<Slice>> units)
    {
        var slots = _walk.Coupling.Slots;
        foreach (var grid in _walk.Coupling.Grids.All.Where(grid => FreeDims[grid] < 0))
        {
            var dim = Enumerable.Range(0, grid.Rank).Reverse().FirstOrDefault(
                dim => ((grid.HeadDims >> dim) & 1) == 0 && !Array.Exists(grid.UnitsOf(dim)!, unit => _walk.Coupling.Units.ReasonOf(unit) is not null), -1);
            if (dim < 0)
            {
                // Nothing goes but whole heads, if there are any.
                if (grid.HeadDims != 0)
                {
                    Alone.UnionWith(grid.Slots);
                }
                else
                {
                    _walk.Coupling.FreezeSlots(grid.Slots, "no dimension of it can lose an index");
                }

                continue;
            }

            foreach (var unit in grid.UnitsOf(dim)!)
            {
                var all = units[_walk.Coupling.Units.Find(unit)].SelectMany(slice => slice.Slots).ToArray();
                Array.ForEach(all, slot => slots.Join(all[0], slot));
            }
        }

        // An axis that goes along with whole rows of a grid cannot lose an index by itself.
        foreach (var slice in units.Values.SelectMany(slices => slices).Where(slice => slice.Grid.Rank == 1))
        {
            var partners = units[_walk.Coupling.Units.Find(slice.Grid.UnitsOf(0)![slice.Index])];
            var slot = slice.Grid.Slots[slice.Index];
            if (!partners.Exists(other => other.Grid.Rank > 1 && slots.Find(other.Slots.First()) == slots.Find(slot)))
            {
                Alone.Add(slot);
            }
        }
    }

    /// <summary>Slots that go only with whole rows of a grid.</summary>
    public HashSet<int> Alone { get; private set; } = [];
}
