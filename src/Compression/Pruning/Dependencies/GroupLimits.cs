using System.Globalization;

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
    /// <param name="placeOf">The place of a slot: its group, -1 for none, and the channel.</param>
    public (int[][] Blocks, int[] Multiples) Of(int[] lengths, Func<int, (int Group, int Channel)> placeOf)
    {
        // Channels that lie in the same rows of the same grids are alike.
        var keys = Array.ConvertAll(lengths, length => new string[length]);
        foreach (var grid in Even)
        {
            Describe(grid, position => RowOf(grid, position), keys, placeOf);
        }

        foreach (var grid in Counted)
        {
            Describe(grid, _ => 0, keys, placeOf);
        }

        var blocks = Array.ConvertAll(keys, Number);
        var multiples = Array.ConvertAll(lengths, _ => 1);
        foreach (var grid in Counted)
        {
            foreach (var places in grid.Slots.Select(placeOf).Where(place => place.Group >= 0).GroupBy(place => place.Group))
            {
                // What one channel of each block has in it.
                var group = places.Key;
                var count = blocks[group].Max() + 1;
                var each = places.CountBy(place => place.Channel).GroupBy(pair => blocks[group][pair.Key]).Sum(block => block.First().Value);
                var step = grid.Shape[0] / Gcd(grid.Shape[0], each) * count;
                multiples[group] = multiples[group] / Gcd(multiples[group], step) * step;
            }
        }

        return (blocks, multiples);
    }

    /// <summary>Channels of which one has to stay, for each group: what each layer and slice has of it, unless that is all.</summary>
    public List<int[]>[] PartsOf(int[] lengths, Func<int, (int Group, int Channel)> placeOf)
    {
        var result = Array.ConvertAll(lengths, _ => new List<int[]>());
        var known = new HashSet<string>();
        foreach (var grid in walk.Coupling.Grids.Everything.Where(grid => grid.Slots.All(slot => placeOf(slot).Group >= 0)))
        {
            foreach (var places in grid.Slots.Select(placeOf).GroupBy(place => place.Group))
            {
                int[] channels = [.. places.Select(place => place.Channel).Distinct().Order()];
                if (channels.Length < lengths[places.Key] && known.Add($"{places.Key}:{string.Join(',', channels)}"))
                {
                    result[places.Key].Add(channels);
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

    private static void Describe(Grid grid, Func<int, int> rowOf, string[][] keys, Func<int, (int Group, int Channel)> placeOf)
    {
        var rows = new Dictionary<(int Group, int Channel), List<int>>();
        for (var position = 0; position < grid.Slots.Length; position++)
        {
            if (placeOf(grid.Slots[position]) is { Group: >= 0 } place)
            {
                (rows.TryGetValue(place, out var all) ? all : rows[place] = []).Add(rowOf(position));
            }
        }

        foreach (var (place, own) in rows)
        {
            keys[place.Group][place.Channel] += string.Create(CultureInfo.InvariantCulture, $"{grid.Id}:{string.Join('+', own.Order())};");
        }
    }

    /// <summary>Numbers blocks. Longer ones become several, so that all are equally long and each loses as much.</summary>
    private static int[] Number(string[] keys)
    {
        var lengths = keys.CountBy(key => key ?? "").ToDictionary();
        var size = lengths.Values.Aggregate(Gcd);
        var (seen, numbers) = (new Dictionary<string, int>(), new Dictionary<(string, int), int>());
        return Array.ConvertAll(keys, text =>
        {
            var key = text ?? "";
            var place = seen[key] = seen.GetValueOrDefault(key, -1) + 1;
            var part = lengths.Count == 1 ? 0 : place / size;
            return numbers.TryGetValue((key, part), out var number) ? number : numbers[(key, part)] = numbers.Count;
        });
    }

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);
}
