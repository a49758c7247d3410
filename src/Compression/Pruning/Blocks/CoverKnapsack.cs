namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>Something to choose: what it gives and what it costs.</summary>
/// <param name="Gain">What it gives, 0 or more: parameters or operations that go.</param>
/// <param name="Cost">What it costs, 0 or more: the loss in quality.</param>
/// <param name="Inside">How many of the items directly behind it are parts of it, at any depth: they come with it, and cannot be chosen beside it.</param>
public readonly record struct CoverItem(long Gain, double Cost, int Inside = 0);

/// <summary>
/// The 0-1 knapsack as a cover: choose items that give at least so much and cost as little as possible (the layer selection of
/// LAPTOP-Diff, Zhang et al. 2024). Items may be trees, given in the order of a walk from the roots, each before its parts: a whole
/// and its parts are never chosen together.
/// </summary>
/// <remarks>
/// Dynamic programming from the last item to the first: the least cost of covering a rest with the items from i on is the smaller of that
/// from i + 1 on, and of the item's cost and that of what the item leaves to cover, from behind its parts on. So trees need no
/// more work than a list. Gains count in units: of their greatest common divisor where that makes at most
/// <see cref="MaxUnits"/> of the demand, and the choice is the best one then; larger demands are divided into that many units, gains
/// are rounded down, and so the demand is always met.
/// </remarks>
public static class CoverKnapsack
{
    /// <summary>The most units that a demand is divided into.</summary>
    public const int MaxUnits = 1 << 16;

    /// <summary>Chooses.</summary>
    /// <param name="items">The items.</param>
    /// <param name="demand">What the chosen ones must give together at least.</param>
    /// <returns>The indices of the chosen items, in order; null when all together do not give enough. Of choices of the same cost the first in
    /// which an item is left out is taken.</returns>
    public static IReadOnlyList<int>? Choose(IReadOnlyList<CoverItem> items, long demand)
    {
        Check(items);
        if (demand <= 0)
        {
            return [];
        }

        var unit = items.Aggregate(demand, (divisor, item) => Divisor(divisor, item.Gain));
        unit = demand / unit <= MaxUnits ? unit : 1 + ((demand - 1) / MaxUnits);
        return Choose(items, checked((int)(1 + ((demand - 1) / unit))), item => item.Gain / unit)
            // Only roundings were in the way: everything is needed, or nearly.
            ?? (unit > 1 ? ChooseAll(items, demand) : null);
    }

    private static List<int>? Choose(IReadOnlyList<CoverItem> items, int demand, Func<CoverItem, long> gainOf)
    {
        // least[i][d]: the least cost of covering d units with the items from i on.
        var least = new double[items.Count + 1][];
        least[items.Count] = new double[demand + 1];
        Array.Fill(least[items.Count], double.PositiveInfinity, 1, demand);
        for (var index = items.Count - 1; index >= 0; index--)
        {
            var (item, without, behind) = (items[index], least[index + 1], least[index + 1 + items[index].Inside]);
            var gain = (int)Math.Min(demand, gainOf(item));
            var row = least[index] = new double[demand + 1];
            for (var rest = 0; rest <= demand; rest++)
            {
                row[rest] = Math.Min(without[rest], item.Cost + behind[Math.Max(0, rest - gain)]);
            }
        }

        if (double.IsInfinity(least[0][demand]))
        {
            return null;
        }

        var chosen = new List<int>();
        for (int index = 0, rest = demand; index < items.Count && rest > 0;)
        {
            if (least[index][rest] == least[index + 1][rest])
            {
                index++;
                continue;
            }

            chosen.Add(index);
            rest = (int)Math.Max(0, rest - gainOf(items[index]));
            index += 1 + items[index].Inside;
        }

        return chosen;
    }

    /// <summary>All wholes, without those that are not needed, the most expensive first; null when all do not give enough.</summary>
    private static List<int>? ChooseAll(IReadOnlyList<CoverItem> items, long demand)
    {
        var chosen = new List<int>();
        for (var index = 0; index < items.Count; index += 1 + items[index].Inside)
        {
            chosen.Add(index);
        }

        var spare = chosen.Sum(index => items[index].Gain) - demand;
        foreach (var index in chosen.OrderByDescending(index => items[index].Cost).ToArray())
        {
            if (items[index].Gain <= spare)
            {
                spare -= items[index].Gain;
                chosen.Remove(index);
            }
        }

        return spare < 0 ? null : chosen;
    }

    private static void Check(IReadOnlyList<CoverItem> items)
    {
        // The end of each item's parts; an item ends within those around it.
        var ends = new Stack<int>([items.Count]);
        foreach (var (index, item) in items.Index())
        {
            if (item.Gain < 0 || !(item.Cost >= 0))
            {
                throw new ArgumentException($"Item {index} gives {item.Gain} and costs {item.Cost}; neither may be negative.", nameof(items));
            }

            while (ends.Peek() <= index && ends.Count > 1)
            {
                ends.Pop();
            }

            var end = index + 1 + item.Inside;
            if (item.Inside < 0 || end > ends.Peek())
            {
                throw new ArgumentException($"The parts of item {index} go beyond those of the item that it is a part of.", nameof(items));
            }

            ends.Push(end);
        }
    }

    private static long Divisor(long one, long other)
    {
        while (other != 0)
        {
            (one, other) = (other, one % other);
        }

        return one;
    }
}
