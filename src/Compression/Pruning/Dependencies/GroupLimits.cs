namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// What has to stay even when channels of a group go: rows of grids whose borders mean something keep equally many, groups of
/// normalisations stay as many as they are, and no layer or slice is left without channels.
/// </summary>
/// <param name="walk">What the walk found.</param>
/// <param name="decisions">What goes together.</param>
/// <param name="isFree">Whether a slot may go by itself.</param>
internal sealed class GroupLimits(DependencyWalk walk, Decisions decisions, Func<int, bool> isFree)
{
    private readonly UnionFind _slots = decisions.Slots;

    /// <summary>Grids whose rows keep equally many slots.</summary>
    private IEnumerable<Grid> Even => walk.Coupling.Grids.All.Where(grid => grid.IsHard && decisions.FreeDims[grid] >= 0);

    /// <summary>Grids whose rows stay as many as they are.</summary>
    private IEnumerable<Grid> Counted => walk.Coupling.Grids.All.Where(grid => !grid.IsHard);

    /// <summary>Where rows have unequally many slots that may go, nothing goes: others could not go along.</summary>
    public void FreezeUneven()
    {
        bool isChanged;
        do
        {
            isChanged = false;
            foreach (var grid in Even)
            {
                var free = new Dictionary<int, int>();
                for (var position = 0; position < grid.Slots.Length; position++)
                {
                    var row = RowOf(grid, position);
                    free[row] = free.GetValueOrDefault(row) + (isFree(grid.Slots[position]) ? 1 : 0);
                }

                if (free.Values.Min() != free.Values.Max())
                {
                    isChanged = true;
                    foreach (var slot in grid.Slots.Where(isFree))
                    {
                        _slots.Freeze(slot, "rows of it that have to stay equally long have indices that stay");
                    }
                }
            }
        }
        while (isChanged);
    }

    /// <summary>Slots of rows that keep equally many are chosen together, whichever layers make them.</summary>
    public void Join(UnionFind groups)
    {
        foreach (var grid in Even)
        {
            var free = grid.Slots.Where(isFree).Select(_slots.Find).ToArray();
            Array.ForEach(free, slot => groups.Join(free[0], slot));
        }
    }

    /// <summary>The blocks of each group, and of what the number of removed channels is a multiple.</summary>
    /// <param name="lengths">The lengths of the groups.</param>
    /// <param name="places">The places of slots in groups.</param>
    public (int[][] Blocks, int[] Multiples) Of(int[] lengths, ChannelPlaces places)
    {
        // Channels that lie in the same rows of the same grids are alike.
        var kinds = new ChannelKinds(lengths, places);
        foreach (var grid in Even)
        {
            kinds.RefineByRows(grid, position => RowOf(grid, position));
        }

        var counted = Counted.Select(grid => (Grid: grid, Counts: kinds.Count(grid).ToArray())).ToArray();
        foreach (var (grid, counts) in counted)
        {
            kinds.RefineByCount(grid, counts);
        }

        var blocks = Array.ConvertAll(kinds.Kinds, Number);
        var multiples = Array.ConvertAll(lengths, _ => 1);
        foreach (var (grid, counts) in counted)
        {
            foreach (var (group, channels) in counts)
            {
                // What one channel of each block has in it.
                var count = blocks[group].Max() + 1;
                var each = channels.DistinctBy(pair => blocks[group][pair.Channel]).Sum(pair => pair.Count);
                var step = grid.Shape[0] / Gcd(grid.Shape[0], each) * count;
                multiples[group] = multiples[group] / Gcd(multiples[group], step) * step;
            }
        }

        return (blocks, multiples);
    }

    /// <summary>Channels of which one has to stay, for each group: what each layer and slice has of it, unless that is all.</summary>
    public List<int[]>[] PartsOf(int[] lengths, ChannelPlaces places)
    {
        var result = Array.ConvertAll(lengths, _ => new List<int[]>());
        var known = new HashSet<int[]>(new SameChannels());
        var marks = Array.ConvertAll(lengths, length => new bool[length]);
        foreach (var slots in walk.Coupling.Grids.Everything.Select(grid => grid.Slots).Where(slots => Array.TrueForAll(slots, slot => places.Of(slot).Group >= 0)))
        {
            var groups = new HashSet<int>();
            foreach (var slot in slots)
            {
                var (group, channel) = places.Of(slot);
                groups.Add(group);
                marks[group][channel] = true;
            }

            foreach (var group in groups)
            {
                int[] channels = [.. marks[group].Index().Where(mark => mark.Item).Select(mark => mark.Index)];
                Array.Clear(marks[group]);
                if (channels.Length < lengths[group] && known.Add([group, .. channels]))
                {
                    result[group].Add(channels);
                }
            }
        }

        return result;
    }

    private int RowOf(Grid grid, int position)
    {
        var free = decisions.FreeDims[grid];
        return position - (grid.Coordinate(position, free) * grid.StrideOf(free));
    }

    /// <summary>Numbers blocks. Larger ones become several, so that all are equally large and each loses as much.</summary>
    private static int[] Number(int[] kinds)
    {
        var sizes = kinds.CountBy(kind => kind).ToDictionary();
        var size = sizes.Values.Aggregate(Gcd);
        var (seen, numbers) = (new Dictionary<int, int>(), new Dictionary<(int, int), int>());
        return Array.ConvertAll(kinds, kind =>
        {
            var place = seen[kind] = seen.GetValueOrDefault(kind, -1) + 1;
            var part = sizes.Count == 1 ? 0 : place / size;
            return numbers.TryGetValue((kind, part), out var number) ? number : numbers[(kind, part)] = numbers.Count;
        });
    }

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);

    private sealed class SameChannels : IEqualityComparer<int[]>
    {
        public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(int[] obj) => HashCode.Combine(obj.Length, obj[0], obj[1], obj[^1]);
    }
}
