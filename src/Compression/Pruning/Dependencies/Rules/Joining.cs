namespace CompressTool.Compression.Pruning.Dependencies.Rules;

/// <summary>Concat: indices of several values one after the other.</summary>
internal static class Joining
{
    public static void Concat(NodeContext c)
    {
        var parts = Enumerable.Range(0, c.Node.Inputs.Count).Select(c.Input).ToArray();
        var rank = parts[0].Rank;
        var axis = c.Axis("axis", 0, rank);
        var others = Enumerable.Range(0, rank).Where(other => other != axis && parts[0].Axes[other].Length > 0).ToArray();
        if (!parts.Any(part => part.HasAnySlots))
        {
            c.OutputFixed();
            return;
        }

        if (Rows(c, parts, axis) is { } rows)
        {
            c.Output(rows);
            return;
        }

        for (var index = 1; index < parts.Length; index++)
        {
            (parts[0], parts[index]) = Elementwise.Coupled(c, parts[0], parts[index], others);
        }

        var result = parts.Aggregate(Elementwise.Pick);
        c.Output(result.With(axis, Joined(c, parts, axis)));
    }

    private static Factor[] Joined(NodeContext c, Layout[] parts, int axis)
    {
        if (!parts.Any(part => Layout.HasSlots(part.Axes[axis])))
        {
            return Layout.FixedAxis(parts.Sum(part => Layout.LengthOf(part.Axes[axis])));
        }

        var slots = new List<int>();
        foreach (var part in parts)
        {
            var length = Layout.LengthOf(part.Axes[axis]);
            var own = Layout.SlotsOf(part.Axes[axis]);
            if (own is null)
            {
                c.Coupling.Freeze(part.Axes[axis], $"{c.Where} takes a part of a structure");
            }

            // What stays needs a slot too, one that is frozen.
            own = own is not null && Array.TrueForAll(own, slot => slot >= 0) ? own : FrozenLike(c, own, length);
            slots.AddRange(own);
        }

        return [Factor.Of(c.Grids.Plain([.. slots]))];
    }

    private static int[] FrozenLike(NodeContext c, int[]? own, int length)
    {
        var slots = c.Coupling.Slots.Create(length);
        for (var index = 0; index < length; index++)
        {
            if (own?[index] is >= 0 and var slot)
            {
                slots[index] = slot;
            }
            else
            {
                c.Coupling.FreezeSlots([slots[index]], $"{c.Where} joins it with indices that stay");
            }
        }

        return slots;
    }

    /// <summary>Parts of one grid put together along one of its dimensions, such as the halves of each head: a grid again.</summary>
    private static Layout? Rows(NodeContext c, Layout[] parts, int axis)
    {
        if (parts.Any(part => part.Axes[axis] is not [{ Grid.Rank: > 1 }]))
        {
            return null;
        }

        var factors = parts.Select(part => part.Axes[axis][0]).ToArray();
        var (first, dim) = (factors[0].Grid!, factors[0].Dim);
        var same = factors.Zip(parts).All(pair => pair.First.Dim == dim && pair.First.Grid!.Rank == first.Rank
            && Enumerable.Range(0, first.Rank).All(other => other == dim || pair.First.Grid.Shape[other] == first.Shape[other])
            && pair.Second.Axes.Index().All(place => place.Index == axis || place.Item.Length == parts[0].Axes[place.Index].Length)
            && pair.Second.Axes.Zip(parts[0].Axes).All(axes => axes.First.Zip(axes.Second).All(two =>
                two.Second.Grid == first ? two.First.Grid == pair.First.Grid && two.First.Dim == two.Second.Dim : two.First.Grid is null && two.Second.Grid is null && two.First.Length == two.Second.Length)));
        if (!same)
        {
            return null;
        }

        var inner = first.StrideOf(dim);
        var outer = first.Slots.Length / (inner * first.Shape[dim]);
        var slots = new List<int>();
        for (var block = 0; block < outer; block++)
        {
            foreach (var factor in factors)
            {
                var length = inner * factor.Grid!.Shape[dim];
                slots.AddRange(factor.Grid.Slots.AsSpan(block * length, length));
            }
        }

        int[] shape = [.. first.Shape];
        shape[dim] = factors.Sum(factor => factor.Length);
        var whole = c.Grids.Add(new Grid([.. slots], shape) { IsHard = true, HeadDims = first.HeadDims });
        foreach (var grid in factors.Select(factor => factor.Grid!))
        {
            grid.IsHard = true;
            for (var other = 0; other < grid.Rank; other++)
            {
                if (other != dim)
                {
                    c.Coupling.Units.Join(grid.UnitsOf(other, c.Coupling.Units), whole.UnitsOf(other, c.Coupling.Units));
                }
            }
        }

        return parts[0].Replace(first, whole) is var replaced ? replaced.With(axis, [Factor.Of(whole, dim)]) : null;
    }
}
