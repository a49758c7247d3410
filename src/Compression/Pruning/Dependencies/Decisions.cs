namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// Turns what the walk found into decisions: sets of slots that are removed together. Slots at the same place are one already; this
/// adds what holds for the rows and columns of grids.
/// </summary>
internal sealed class Decisions
{
    private readonly DependencyWalk _walk;
    private readonly SetMembers _slotsOf;
    private readonly SetMembers _sameOf;
    private readonly HashSet<int> _alone = [];
    private readonly bool[] _isAlone;

    public Decisions(DependencyWalk walk)
    {
        _walk = walk;
        Slots = new UnionFind(walk.Coupling.Slots);
        ShareKinds();
        foreach (var (grid, dim, finer) in walk.Coupling.Grids.Splits)
        {
            LinkSplit(grid, dim, finer);
        }

        var units = FindUnits();
        foreach (var slice in units.Values.Where(IsHead).SelectMany(slices => slices))
        {
            slice.Grid.HeadDims |= 1 << slice.Dim;
        }

        HeadUnits = [.. units.Where(unit => IsHead(unit.Value)).OrderBy(unit => unit.Key).Select(unit => unit.Value)];
        FreeDims = walk.Coupling.Grids.All.ToDictionary(grid => grid, FreeDim);
        JoinHeadSizes(units);
        JoinColumns(units);
        _isAlone = new bool[Slots.Count];
        foreach (var slot in _alone)
        {
            _isAlone[Slots.Find(slot)] = true;
        }

        (_slotsOf, _sameOf) = (Slots.Members(), walk.Coupling.Slots.Members());
    }

    /// <summary>Slots that go together where no whole head goes: those at the same place, and those of whole slices.</summary>
    public UnionFind Slots { get; }

    /// <summary>A slice of a grid along a dimension.</summary>
    public readonly record struct Slice(Grid Grid, int Dim, int Index)
    {
        /// <summary>The slots in it.</summary>
        public IEnumerable<int> Slots
        {
            get
            {
                var stride = Grid.StrideOf(Dim);
                for (var start = Index * stride; start < Grid.Slots.Length; start += stride * Grid.Shape[Dim])
                {
                    for (var position = start; position < start + stride; position++)
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
    public ArraySegment<int> SlotsOf(int slot) => _slotsOf.Of(Slots.Find(slot));

    /// <summary>All slots at the same place as one: those that go with it as a part of a head.</summary>
    public ArraySegment<int> SameAs(int slot) => _sameOf.Of(_walk.Coupling.Slots.Find(slot));

    /// <summary>Whether a slot goes only with whole rows of a grid.</summary>
    public bool IsAlone(int slot) => _isAlone[Slots.Find(slot)];

    private static bool IsHead(List<Slice> slices) => slices.Exists(slice => slice.Grid.Rank > 1 && ((slice.Grid.HeadDims >> slice.Dim) & 1) != 0);

    /// <summary>
    /// Only the last dimension can be free: its slots lie side by side, so that rows that lose others of them stay in their places. Along
    /// any other dimension rows would get mixed up.
    /// </summary>
    private static int FreeDim(Grid grid) =>
        !grid.IsHard || (((grid.HeadDims | grid.AloneDims) >> (grid.Rank - 1)) & 1) == 0 ? grid.Rank - 1 : -1;

    /// <summary>What is told of a grid holds for others of the same shape whose slots are at the same places, whenever it was told.</summary>
    private void ShareKinds()
    {
        var slots = _walk.Coupling.Slots;
        foreach (var same in _walk.Coupling.Grids.All.GroupBy(grid => grid, new SamePlaces(slots)).Where(same => same.Skip(1).Any()))
        {
            var (isHard, heads, alone) = (same.Any(grid => grid.IsHard), same.Aggregate(0, (bits, grid) => bits | grid.HeadDims), same.Aggregate(0, (bits, grid) => bits | grid.AloneDims));
            foreach (var grid in same)
            {
                (grid.IsHard, grid.HeadDims, grid.AloneDims) = (isHard, heads, alone);
            }
        }
    }

    /// <summary>
    /// Slices of a grid go as those of the same slots in more dimensions do: the heads of queries that one head of keys serves go
    /// together.
    /// </summary>
    private void LinkSplit(Grid grid, int dim, Grid finer)
    {
        var units = _walk.Coupling.Units;
        for (var other = 0; other < grid.Rank; other++)
        {
            var same = other > dim ? other + 1 : other;
            if (other != dim && (grid.UnitsOf(other) is not null || finer.UnitsOf(same) is not null))
            {
                units.Join(grid.UnitsOf(other, units), finer.UnitsOf(same, units));
            }
        }

        if (grid.UnitsOf(dim) is null && finer.UnitsOf(dim) is null && finer.UnitsOf(dim + 1) is null)
        {
            return;
        }

        // One of the two parts goes; the other stays as long as it is.
        var minor = finer.Shape[dim + 1];
        var isMajorFixed = Array.Exists(finer.UnitsOf(dim, units), unit => units.ReasonOf(unit) is not null);
        var (own, parts) = (grid.UnitsOf(dim, units), finer.UnitsOf(isMajorFixed ? dim + 1 : dim, units));
        for (var index = 0; index < own.Length; index++)
        {
            units.Join(own[index], parts[isMajorFixed ? index % minor : index / minor]);
        }

        foreach (var unit in finer.UnitsOf(isMajorFixed ? dim : dim + 1, units))
        {
            units.Freeze(unit, "its slices lie in larger ones that go whole");
        }
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
            foreach (var alike in slices.Where(slice => slice.Grid.Rank == 2 && slice.Dim == 0 && slice.Grid.HeadDims == 1).GroupBy(slice => (slice.Grid.Shape[0], slice.Grid.Shape[1], slice.Index)))
            {
                var twins = alike.Select(slice => slice.Grid).Distinct().ToArray();
                foreach (var twin in twins.Skip(1))
                {
                    Slots.Join(twins[0].Slots, twin.Slots);
                }
            }
        }
    }

    /// <summary>Where only whole slices may go, the slots of a slice go together.</summary>
    private void JoinColumns(Dictionary<int, List<Slice>> units)
    {
        var slots = Slots;
        foreach (var grid in _walk.Coupling.Grids.All.Where(grid => FreeDims[grid] < 0))
        {
            var dim = Enumerable.Range(0, grid.Rank).Reverse().FirstOrDefault(
                dim => ((grid.HeadDims >> dim) & 1) == 0 && !Array.Exists(grid.UnitsOf(dim) ?? [], unit => _walk.Coupling.Units.ReasonOf(unit) is not null), -1);
            if (dim < 0)
            {
                // Nothing goes but whole heads, if there are any.
                if (grid.HeadDims != 0)
                {
                    _alone.UnionWith(grid.Slots);
                }
                else
                {
                    Array.ForEach(grid.Slots, slot => slots.Freeze(slot, "no dimension of it can lose an index"));
                }

                continue;
            }

            for (var index = 0; index < grid.Shape[dim]; index++)
            {
                var slices = grid.UnitsOf(dim) is { } own ? units[_walk.Coupling.Units.Find(own[index])] : [new Slice(grid, dim, index)];
                var all = slices.SelectMany(slice => slice.Slots).ToArray();
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
                _alone.Add(slot);
            }
        }
    }

    /// <summary>Takes grids of one shape whose slots are at the same places for equal.</summary>
    private sealed class SamePlaces(UnionFind slots) : IEqualityComparer<Grid>
    {
        public bool Equals(Grid? x, Grid? y)
        {
            if (ReferenceEquals(x, y))
            {
                return true;
            }

            var isSame = x is not null && y is not null && x.Shape.AsSpan().SequenceEqual(y.Shape);
            for (var position = 0; isSame && position < x!.Slots.Length; position++)
            {
                isSame = slots.Find(x.Slots[position]) == slots.Find(y!.Slots[position]);
            }

            return isSame;
        }

        public int GetHashCode(Grid obj) => HashCode.Combine(obj.Rank, obj.Slots.Length, slots.Find(obj.Slots[0]), slots.Find(obj.Slots[^1]));
    }
}
