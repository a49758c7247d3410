namespace CompressTool.Compression.Pruning.Dependencies.Rules;

/// <summary>Operators that move indices without changing what they hold.</summary>
internal static class Movement
{
    /// <summary>Reshape, Flatten, Squeeze, Unsqueeze: the same indices in axes of other lengths.</summary>
    public static void Reshape(NodeContext c)
    {
        var layout = c.Input(0);
        if (layout.Regroup(c.OutputDims(), c.Grids) is { } result)
        {
            c.Output(result);
            return;
        }

        c.Coupling.FreezeAll(layout, $"{c.Where} cuts it where its parts do not divide");
        c.OutputFixed();
    }

    public static void Transpose(NodeContext c)
    {
        var layout = c.Input(0);
        var order = c.Node.GetInts("perm") is { } perm ? perm.Select(axis => (int)axis) : Enumerable.Range(0, layout.Rank).Reverse();
        c.Output(layout.Permute([.. order]));
    }

    public static void Expand(NodeContext c)
    {
        var dims = c.OutputDims();
        var layout = Elementwise.Pad(c.Input(0), dims.Length);
        c.Output(new Layout([.. layout.Axes.Select((axis, index) => Layout.LengthOf(axis) == dims[index] ? axis : Layout.FixedAxis(dims[index]))]));
    }

    public static void Tile(NodeContext c)
    {
        var dims = c.OutputDims();
        c.Output(new Layout([.. c.Input(0).Axes.Select((axis, index) =>
            dims[index] / Layout.LengthOf(axis) is var times && times > 1 ? [Factor.Fixed(times), .. axis] : axis)]));
    }

    /// <summary>ConstantOfShape: as long as whatever it meets.</summary>
    public static void Fill(NodeContext c) => c.Output(new Layout([.. c.OutputDims().Select(c.Coupling.NewAxis)]));

    public static void Pad(NodeContext c) => KeepOrFix(c, "pads");

    /// <summary>Resize and Upsample: axes that keep their length keep what they hold.</summary>
    public static void Resize(NodeContext c) => KeepOrFix(c, "resamples");

    public static void DepthToSpace(NodeContext c)
    {
        var (dims, block) = (c.DimsOf(0), (int)c.Node.GetInt("blocksize", 1));
        var depth = dims[1] / (block * block);
        var inner = c.Node.GetString("mode", "DCR") == "CRD";
        Chain(
            c,
            inner ? [dims[0], depth, block, block, dims[2], dims[3]] : [dims[0], block, block, depth, dims[2], dims[3]],
            inner ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
    }

    public static void SpaceToDepth(NodeContext c)
    {
        var (dims, block) = (c.DimsOf(0), (int)c.Node.GetInt("blocksize", 1));
        Chain(c, [dims[0], dims[1], dims[2] / block, block, dims[3] / block, block], [0, 3, 5, 1, 2, 4]);
    }

    public static void Gather(NodeContext c)
    {
        var layout = c.Input(0);
        var axis = c.Axis("axis", 0, layout.Rank);
        var indices = Layout.Fixed(c.DimsOf(1));
        var length = Layout.LengthOf(layout.Axes[axis]);
        if (!Layout.HasSlots(layout.Axes[axis]) || c.NumbersOf(1) is not { } numbers)
        {
            c.Coupling.Freeze(layout.Axes[axis], c.IsWeight(0) ? $"{c.Where} looks rows of it up" : $"{c.Where} picks indices that are only known when it runs");
            c.Output(new Layout([.. layout.Axes[..axis], .. indices.Axes, .. layout.Axes[(axis + 1)..]]));
            return;
        }

        int[] chosen = [.. numbers.Select(number => (int)(number < 0 ? number + length : number))];
        if ((chosen.Length > 1 && c.DimsOf(1).Length > 1) || Array.Exists(chosen, index => index < 0 || index >= length))
        {
            // Rows of a table by number: in the table's other axes nothing changes.
            c.Coupling.Freeze(layout.Axes[axis], $"{c.Where} looks indices of it up");
            c.Output(new Layout([.. layout.Axes[..axis], .. indices.Axes, .. layout.Axes[(axis + 1)..]]));
            return;
        }

        var (rest, part) = Select(c, layout, axis, chosen);
        c.Output(new Layout([.. rest.Axes[..axis], .. c.DimsOf(1).Length == 0 ? Array.Empty<Factor[]>() : [part, .. indices.Axes[1..]], .. rest.Axes[(axis + 1)..]]));
    }

    public static void Slice(NodeContext c)
    {
        var layout = c.Input(0);
        var dims = c.DimsOf(0);
        var outputs = c.OutputDims();
        if (c.Numbers("starts", 1) is not { } starts || (c.Has(3) && c.Numbers("axes", 3) is null) || (c.Has(4) && c.NumbersOf(4) is null))
        {
            // Axes that stay as long as they were hold what they held.
            KeepOrFix(c, "cuts out a part that is only known when it runs");
            return;
        }

        var axes = c.Numbers("axes", 3) ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        var steps = c.Has(4) ? c.NumbersOf(4)! : [.. Enumerable.Repeat(1L, starts.Length)];
        for (var index = 0; index < axes.Length; index++)
        {
            var axis = NodeContext.Axis(axes[index], dims.Length);
            if (outputs[axis] == dims[axis] && steps[index] == 1)
            {
                continue;
            }

            var start = starts[index] < 0 ? starts[index] + dims[axis] : starts[index];
            start = Math.Clamp(start, 0, steps[index] > 0 ? dims[axis] : dims[axis] - 1);
            int[] chosen = [.. Enumerable.Range(0, outputs[axis]).Select(place => (int)(start + (place * steps[index])))];
            KeepStep(c, layout.Axes[axis], steps[index]);
            (layout, var part) = Select(c, layout, axis, chosen);
            layout = layout.With(axis, part);
        }

        c.Output(layout);
    }

    /// <summary>Every second index is still every second one when whole runs as long as the step go.</summary>
    private static void KeepStep(NodeContext c, Factor[] axis, long step)
    {
        if (step == 1 || !Layout.HasSlots(axis))
        {
            return;
        }

        if (step < 1 || Layout.SlotsOf(axis) is not { } slots || slots.Length % step != 0)
        {
            c.Coupling.Freeze(axis, $"{c.Where} takes it in steps that do not divide it");
            return;
        }

        for (var index = 0; index < slots.Length; index++)
        {
            c.Coupling.Tie(slots[index - (index % (int)step)], slots[index], c.Where);
        }
    }

    public static void Split(NodeContext c)
    {
        var layout = c.Input(0);
        var axis = c.Axis("axis", 0, layout.Rank);
        var start = 0;
        for (var index = 0; index < c.Node.Outputs.Count; index++)
        {
            if (c.Node.Output(index) is null)
            {
                c.GiveUp("has outputs that are left out");
                return;
            }

            var length = c.OutputDims(index)[axis];
            var (rest, part) = Select(c, layout, axis, [.. Enumerable.Range(start, length)]);
            c.Output(rest.With(axis, part), index);
            start += length;
        }
    }

    /// <summary>Takes some indices of an axis.</summary>
    /// <returns>The value's layout, in which grids that lie in several axes are cut down, and the new axis.</returns>
    private static (Layout Layout, Factor[] Axis) Select(NodeContext c, Layout layout, int axis, int[] chosen)
    {
        var factors = layout.Axes[axis];
        if (!Layout.HasSlots(factors))
        {
            return (layout, Layout.FixedAxis(chosen.Length));
        }

        if (Layout.SlotsOf(factors) is { } slots)
        {
            var picked = Array.ConvertAll(chosen, index => slots[index]);
            if (Array.TrueForAll(picked, slot => slot >= 0))
            {
                if (picked.Length == 1)
                {
                    // A single channel that goes on as a value of its own has to stay.
                    c.Coupling.FreezeSlots(picked, $"{c.Where} takes one index of it");
                }

                return (layout, picked.Length == 1 ? [] : [Factor.Of(c.Grids.Plain(picked))]);
            }
        }

        if (factors is [{ Grid: { } grid, Dim: var dim }])
        {
            grid.IsHard = true;
            var part = c.Grids.Add(grid.Select(dim, chosen));
            if (chosen.Length > 1)
            {
                LinkOthers(c, grid, part, dim);
                return (layout.Replace(grid, part), [Factor.Of(part, dim)]);
            }

            // The dimension is gone: the rest is a grid of the others.
            var rest = c.Grids.Add(new Grid(part.Slots, [.. part.Shape.Where((_, index) => index != dim)])
            {
                IsHard = part.Rank > 2,
                HeadDims = Without(part.HeadDims, dim),
            });
            var axes = layout.Axes.Select(old => Array.ConvertAll(old, factor => factor.Grid == grid && factor.Dim != dim
                ? Factor.Of(rest, factor.Dim > dim ? factor.Dim - 1 : factor.Dim) : factor)).ToArray();
            return (new Layout(axes), []);
        }

        c.Coupling.FreezeAll(layout, $"{c.Where} takes a part of it that cannot be followed");
        return (layout, Layout.FixedAxis(chosen.Length));
    }

    /// <summary>What is removed whole along another dimension goes in the part as in the whole.</summary>
    private static void LinkOthers(NodeContext c, Grid grid, Grid part, int dim)
    {
        for (var other = 0; other < grid.Rank; other++)
        {
            if (other != dim)
            {
                c.Coupling.Units.Join(grid.UnitsOf(other, c.Coupling.Units), part.UnitsOf(other, c.Coupling.Units));
            }
        }
    }

    private static int Without(int bits, int dim) => (bits & ((1 << dim) - 1)) | (bits >> (dim + 1) << dim);

    private static void KeepOrFix(NodeContext c, string what)
    {
        var (layout, dims, outputs) = (c.Input(0), c.DimsOf(0), c.OutputDims());
        for (var axis = 0; axis < dims.Length; axis++)
        {
            if (dims[axis] != outputs[axis])
            {
                c.Coupling.Freeze(layout.Axes[axis], $"{c.Where} {what}");
                layout = layout.With(axis, Layout.FixedAxis(outputs[axis]));
            }
        }

        c.Output(layout);
    }

    private static void Chain(NodeContext c, int[] dims, int[] order)
    {
        if (c.Input(0).Regroup(dims, c.Grids)?.Permute(order).Regroup(c.OutputDims(), c.Grids) is { } result)
        {
            c.Output(result);
            return;
        }

        c.Coupling.FreezeAll(c.Input(0), $"{c.Where} cuts it where its parts do not divide");
        c.OutputFixed();
    }
}
