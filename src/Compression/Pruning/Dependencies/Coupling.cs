using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// Couples what lies at the same place: two values that an operator takes index by index lose the same indices. Where whole grids
/// meet, their slots are coupled one by one; where a single dimension of a grid meets something (a score of each head, a table of
/// positions within a head), slices are.
/// </summary>
internal sealed class Coupling
{
    private readonly HashSet<int> _attention = [];

    /// <summary>The slots: one for each index of each axis of each constant.</summary>
    public UnionFind Slots { get; } = new();

    /// <summary>Slices of grids that are removed whole.</summary>
    public UnionFind Units { get; } = new();

    /// <summary>The grids.</summary>
    public GridCache Grids { get; } = new();

    /// <summary>The slots of the input channels of convolutions with groups, whose weights have them folded.</summary>
    public Dictionary<Node, int[]?> GroupedInputs { get; } = [];

    /// <summary>The heads of attentions in one operator, which is told their number.</summary>
    public Dictionary<Node, (Grid Query, Grid Key, Grid Value)> Attentions { get; } = [];

    /// <summary>The convolution with groups whose weight a constant is; null when there is none.</summary>
    public Node? GroupedUserOf(Value constant) =>
        constant.Uses.Select(use => use.Node).FirstOrDefault(node => GroupedInputs.ContainsKey(node) && node.Input(1) == constant);

    /// <summary>A new axis of slots.</summary>
    public Factor[] NewAxis(int length) => length == 1 ? [] : [Factor.Of(Grids.Plain(Slots.Create(length)))];

    /// <summary>Couples axes of two values, pair by pair.</summary>
    public void Couple(Factor[][] first, Factor[][] second, string where) => CoupleSome(first, second, first.Length, where);

    /// <summary>Couples the first axes of two values, pair by pair.</summary>
    /// <param name="first">All axes of a value.</param>
    /// <param name="second">All axes of another one; those that are coupled have the same lengths.</param>
    /// <param name="count">How many axes are coupled.</param>
    /// <param name="where">What couples them, for reasons.</param>
    /// <returns>The axes, with factors split so that coupled ones are as long.</returns>
    public (Factor[][] First, Factor[][] Second) CoupleSome(Factor[][] first, Factor[][] second, int count, string where)
    {
        Layout a = new(first), b = new(second);
        var pairs = new List<(Factor First, Factor Second)>();
        var mismatched = new List<int>();
        for (var axis = 0; axis < count; axis++)
        {
            if (!ReferenceEquals(a.Axes[axis], b.Axes[axis]) && !Align(ref a, ref b, axis))
            {
                mismatched.Add(axis);
            }
        }

        for (var axis = 0; axis < count; axis++)
        {
            if (mismatched.Contains(axis))
            {
                CoupleByIndex(a.Axes[axis], b.Axes[axis], where);
                continue;
            }

            for (var place = 0; place < a.Axes[axis].Length; place++)
            {
                pairs.Add((a.Axes[axis][place], b.Axes[axis][place]));
            }
        }

        Couple(pairs, where);
        return (a.Axes, b.Axes);
    }

    /// <summary>Couples two slots; -1 stands for an index that stays.</summary>
    public void Tie(int first, int second, string where)
    {
        if (first >= 0 && second >= 0)
        {
            Slots.Join(first, second);
        }
        else
        {
            FreezeSlots([first, second], $"{where} joins it with an index that stays");
        }
    }

    /// <summary>Says that everything in an axis stays.</summary>
    public void Freeze(Factor[] axis, string reason)
    {
        foreach (var factor in axis)
        {
            FreezeSlots(factor.Grid?.Slots ?? [], reason);
        }
    }

    /// <summary>Says that an axis stays as long as it is: of grids that lie in other axes too, slices across it may still go.</summary>
    public void FreezeLength(Factor[] axis, string reason)
    {
        foreach (var factor in axis)
        {
            Freeze(factor, reason, alone: true);
        }
    }

    /// <summary>Says that everything in a value stays.</summary>
    public void FreezeAll(Layout layout, string reason)
    {
        foreach (var grid in layout.Grids)
        {
            FreezeSlots(grid.Slots, reason);
        }
    }

    /// <summary>Says that slots stay.</summary>
    public void FreezeSlots(ReadOnlySpan<int> slots, string reason)
    {
        foreach (var slot in slots)
        {
            if (slot >= 0)
            {
                Slots.Freeze(slot, reason);
            }
        }
    }

    /// <summary>Notes that something runs over an axis as a whole, so that all of it changes when a part goes.</summary>
    public void Mix(Factor[] axis)
    {
        foreach (var factor in axis)
        {
            foreach (var slot in factor.Grid?.Slots ?? [])
            {
                Slots.Mix(slot);
            }
        }
    }

    /// <summary>Notes that axes meet in a product of two activations: queries and keys, or values.</summary>
    public void MarkAttention(IEnumerable<Factor[]> axes)
    {
        foreach (var grid in axes.SelectMany(axis => axis).Select(factor => factor.Grid).OfType<Grid>())
        {
            _attention.UnionWith(grid.Slots);
        }
    }

    /// <summary>Whether a slot is a part of queries, keys or values.</summary>
    public bool IsAttention(int slot) => _attention.Contains(slot);

    private static int Bit(int dim) => 1 << dim;

    private void Couple(List<(Factor First, Factor Second)> pairs, string where)
    {
        var matched = new HashSet<(Grid, Grid)>();
        foreach (var (first, second) in pairs)
        {
            if (first.Grid is null || second.Grid is null)
            {
                var (open, other) = first.Grid is null ? (second, first) : (first, second);
                if (open.Grid is not null && other.Grid is null)
                {
                    Freeze(open, $"{where} joins it with {open.Length} indices that stay", open.Grid.Rank > 1);
                }
            }
            else if (matched.Add((first.Grid, second.Grid)))
            {
                CoupleGrids(first.Grid, second.Grid, [.. pairs.Where(pair => pair.First.Grid == first.Grid && pair.Second.Grid == second.Grid)], where);
            }
        }
    }

    private void CoupleGrids(Grid first, Grid second, List<(Factor First, Factor Second)> pairs, string where)
    {
        if (first == second && pairs.TrueForAll(pair => pair.First.Dim == pair.Second.Dim))
        {
            return;
        }

        var (seen, seenToo) = (pairs.Aggregate(0, (bits, pair) => bits | Bit(pair.First.Dim)), pairs.Aggregate(0, (bits, pair) => bits | Bit(pair.Second.Dim)));
        if (first != second && pairs.Count == first.Rank && pairs.Count == second.Rank && seen == Bit(first.Rank) - 1 && seenToo == Bit(second.Rank) - 1)
        {
            var order = new int[first.Rank];
            foreach (var pair in pairs)
            {
                order[pair.First.Dim] = pair.Second.Dim;
            }

            Slots.Join(first.Slots, second.Permuted(order));
            var hard = first.IsHard || second.IsHard || order.Index().Any(pair => pair.Item != pair.Index);
            (first.IsHard, second.IsHard) = (hard && first.Rank > 1, hard && first.Rank > 1);
            foreach (var pair in pairs)
            {
                if (((first.HeadDims >> pair.First.Dim) & 1) != ((second.HeadDims >> pair.Second.Dim) & 1))
                {
                    first.HeadDims |= Bit(pair.First.Dim);
                    second.HeadDims |= Bit(pair.Second.Dim);
                }
            }

            return;
        }

        foreach (var (a, b) in pairs)
        {
            if (first == second)
            {
                Freeze(a, $"{where} joins it with itself in another order", alone: true);
                Freeze(b, $"{where} joins it with itself in another order", alone: true);
                continue;
            }

            first.IsHard |= first.Rank > 1;
            second.IsHard |= second.Rank > 1;
            first.AloneDims |= Bit(a.Dim);
            second.AloneDims |= Bit(b.Dim);
            Units.Join(first.UnitsOf(a.Dim, Units), second.UnitsOf(b.Dim, Units));
        }
    }

    private void Freeze(Factor factor, string reason, bool alone)
    {
        if (factor.Grid is not { } grid)
        {
            return;
        }

        if (!alone || grid.Rank == 1)
        {
            FreezeSlots(grid.Slots, reason);
            return;
        }

        grid.IsHard = true;
        grid.AloneDims |= Bit(factor.Dim);
        foreach (var unit in grid.UnitsOf(factor.Dim, Units))
        {
            Units.Freeze(unit, reason);
        }
    }

    /// <summary>Splits factors of two axes until they are as long in pairs; false when they do not divide each other.</summary>
    private bool Align(ref Layout a, ref Layout b, int axis)
    {
        for (var place = 0; place < a.Axes[axis].Length || place < b.Axes[axis].Length; place++)
        {
            if (place >= a.Axes[axis].Length || place >= b.Axes[axis].Length)
            {
                return false;
            }

            var (length, other) = (a.Axes[axis][place].Length, b.Axes[axis][place].Length);
            if (length == other)
            {
                continue;
            }

            if (other % length == 0)
            {
                b = b.SplitAt(axis, place, length, Grids);
            }
            else if (length % other == 0)
            {
                a = a.SplitAt(axis, place, other, Grids);
            }
            else
            {
                return false;
            }
        }

        return true;
    }

    private void CoupleByIndex(Factor[] first, Factor[] second, string where)
    {
        var (a, b) = (Layout.SlotsOf(first), Layout.SlotsOf(second));
        if (a is null || b is null || a.Length != b.Length)
        {
            Freeze(first, $"{where} joins lengths that do not divide each other");
            Freeze(second, $"{where} joins lengths that do not divide each other");
            return;
        }

        for (var index = 0; index < a.Length; index++)
        {
            Tie(a[index], b[index], where);
        }
    }
}
