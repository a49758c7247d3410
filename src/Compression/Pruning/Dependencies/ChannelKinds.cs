using System.Globalization;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>Tells channels of groups apart by the rows of grids that they lie in: those in the same rows of all grids are of one kind.</summary>
/// <param name="lengths">The lengths of the groups.</param>
/// <param name="places">The places of slots in them.</param>
internal sealed class ChannelKinds(int[] lengths, ChannelPlaces places)
{
    private readonly Dictionary<(int Kind, int Grid, int Rows), int> _numbers = [];
    private readonly Dictionary<string, int> _manyRows = [];
    private readonly int[][] _counts = Array.ConvertAll(lengths, length => new int[length]);

    /// <summary>The kind of each channel of each group.</summary>
    public int[][] Kinds { get; } = Array.ConvertAll(lengths, length => new int[length]);

    /// <summary>Tells channels apart by their rows in one more grid.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="rowOf">The row of a position in it, from 0.</param>
    public void RefineByRows(Grid grid, Func<int, int> rowOf)
    {
        var rows = new Dictionary<(int Group, int Channel), List<int>>();
        for (var position = 0; position < grid.Slots.Length; position++)
        {
            if (places.Of(grid.Slots[position]) is { Group: >= 0 } place)
            {
                (rows.TryGetValue(place, out var all) ? all : rows[place] = []).Add(rowOf(position));
            }
        }

        foreach (var ((group, channel), own) in rows)
        {
            Refine(ref Kinds[group][channel], grid, own is [var row] ? row : NumberOf(own));
        }
    }

    /// <summary>Tells channels apart by how often they are in one more grid.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="counts">How often (<see cref="Count"/>).</param>
    public void RefineByCount(Grid grid, IEnumerable<(int Group, IReadOnlyList<(int Channel, int Count)> Channels)> counts)
    {
        foreach (var (group, channels) in counts)
        {
            foreach (var (channel, count) in channels)
            {
                Refine(ref Kinds[group][channel], grid, count);
            }
        }
    }

    /// <summary>How often each channel lies in a grid, for the groups that do, channels in the order in which they come.</summary>
    public IEnumerable<(int Group, IReadOnlyList<(int Channel, int Count)> Channels)> Count(Grid grid)
    {
        var order = new Dictionary<int, List<int>>();
        foreach (var slot in grid.Slots)
        {
            if (places.Of(slot) is { Group: >= 0 } place && _counts[place.Group][place.Channel]++ == 0)
            {
                (order.TryGetValue(place.Group, out var all) ? all : order[place.Group] = []).Add(place.Channel);
            }
        }

        foreach (var (group, channels) in order)
        {
            (int, int)[] counts = [.. channels.Select(channel => (channel, _counts[group][channel]))];
            Array.Clear(_counts[group]);
            yield return (group, counts);
        }
    }

    private void Refine(ref int kind, Grid grid, int rows)
    {
        var key = (kind, grid.Id, rows);
        kind = _numbers.TryGetValue(key, out var number) ? number : _numbers[key] = _numbers.Count + 1;
    }

    /// <summary>A negative number for several rows.</summary>
    private int NumberOf(List<int> rows)
    {
        rows.Sort();
        var text = string.Join('+', rows.Select(row => row.ToString(CultureInfo.InvariantCulture)));
        return _manyRows.TryGetValue(text, out var number) ? number : _manyRows[text] = -1 - _manyRows.Count;
    }
}
