namespace CompressTool.Compression.Pruning.Dependencies.Rules;

/// <summary>Convolutions and matrix products: input channels go with what feeds them, output channels are the product's own.</summary>
internal static class Products
{
    public static void Conv(NodeContext c)
    {
        var (data, weight) = (c.Input(0), c.Input(1));
        var groups = (int)c.Node.GetInt("group", 1);
        if (groups == 1)
        {
            c.Couple(data.Axes[1], weight.Axes[1]);
            c.Mark(weight.Axes[1], SlotRole.Input);
            c.Mark(weight.Axes[0], SlotRole.Output);
            Finish(c, weight.Axes[0], 2);
            return;
        }

        var (channels, outputs) = (c.DimsOf(0)[1], c.DimsOf(1)[0]);
        if (groups == channels)
        {
            // Depthwise: an input channel goes with the output channels that are made of it.
            if (Layout.SlotsOf(weight.Axes[0]) is { } own && Layout.SlotsOf(data.Axes[1]) is { } fed)
            {
                var each = outputs / channels;
                for (var output = 0; output < outputs; output++)
                {
                    c.Coupling.Tie(own[output], fed[output / each], c.Where);
                }
            }
            else
            {
                c.Coupling.Freeze(data.Axes[1], $"{c.Where} takes channels that are parts of a larger structure");
                c.Coupling.Freeze(weight.Axes[0], $"{c.Where} takes channels that are parts of a larger structure");
            }

            c.Mark(weight.Axes[0], SlotRole.Output);
            Finish(c, weight.Axes[0], 2);
            return;
        }

        Grouped(c, data.Axes[1], weight.Axes[0], groups);
        c.Coupling.Freeze(weight.Axes[1], "its groups have their input channels here, which go with what feeds them");
        c.Mark(weight.Axes[0], SlotRole.Output);
        Finish(c, weight.Axes[0], 2);
    }

    public static void ConvTranspose(NodeContext c)
    {
        var (data, weight) = (c.Input(0), c.Input(1));
        var groups = (int)c.Node.GetInt("group", 1);
        if (groups > 1)
        {
            c.GiveUp("has groups, whose channels are not pruned yet");
            c.Coupling.FreezeAll(weight, $"{c.Where} has groups");
            return;
        }

        c.Couple(data.Axes[1], weight.Axes[0]);
        c.Mark(weight.Axes[0], SlotRole.Input);
        c.Mark(weight.Axes[1], SlotRole.Output);
        Finish(c, weight.Axes[1], 2);
    }

    public static void Gemm(NodeContext c)
    {
        Layout a = c.Input(0), b = c.Input(1);
        (a, b) = (c.Node.GetInt("transA", 0) != 0 ? a.Permute([1, 0]) : a, c.Node.GetInt("transB", 0) != 0 ? b.Permute([1, 0]) : b);
        MarkWeights(c, a, b);
        c.Couple(a.Axes[1], b.Axes[0]);
        var result = new Layout([a.Axes[0], b.Axes[1]]);
        c.Output(c.Has(2) ? Elementwise.Join(c, result, c.Input(2)) : result);
    }

    public static void MatMul(NodeContext c) => MatMul(c, c.Input(0), c.Input(1));

    /// <summary>FusedMatMul of ONNX Runtime: a scaled product of matrices that may be transposed.</summary>
    public static void FusedMatMul(NodeContext c)
    {
        Layout a = c.Input(0), b = c.Input(1);
        if (c.Node.GetInt("transBatchA", 0) != 0 || c.Node.GetInt("transBatchB", 0) != 0)
        {
            c.GiveUp("transposes batches, which is not followed");
            return;
        }

        MatMul(c, c.Node.GetInt("transA", 0) != 0 ? Transposed(a) : a, c.Node.GetInt("transB", 0) != 0 ? Transposed(b) : b);
    }

    private static Layout Transposed(Layout layout) =>
        layout.Rank < 2 ? layout : layout.Permute([.. Enumerable.Range(0, layout.Rank - 2), layout.Rank - 1, layout.Rank - 2]);

    private static void MatMul(NodeContext c, Layout a, Layout b)
    {
        MarkWeights(c, a, b);
        var (vectorA, vectorB) = (a.Rank == 1, b.Rank == 1);
        a = vectorA ? Elementwise.Pad(a, 2) : a;
        b = vectorB ? new Layout([b.Axes[0], []]) : b;
        var rank = Math.Max(a.Rank, b.Rank);
        (a, b) = (Elementwise.Pad(a, rank), Elementwise.Pad(b, rank));

        // The contracted axes side by side, so that coupling sees them together with the batch.
        b = b.Permute([.. Enumerable.Range(0, rank - 2), rank - 1, rank - 2]);
        var shared = Enumerable.Range(0, rank).Where(axis => axis == rank - 1 || (axis < rank - 2 && a.Axes[axis].Length > 0 && b.Axes[axis].Length > 0)).ToArray();
        MarkHeads(a, rank);
        MarkHeads(b, rank);
        if (!c.IsWeight(0) && !c.IsWeight(1))
        {
            c.Coupling.MarkAttention([a.Axes[rank - 1], b.Axes[rank - 1], b.Axes[rank - 2]]);
        }

        (a, b) = Elementwise.Coupled(c, a, b, shared);
        MarkHeads(a, rank);
        MarkHeads(b, rank);
        Factor[][] batch = [.. Elementwise.Pick(
            new Layout([.. a.Axes[..(rank - 2)], a.Axes[rank - 2]]), new Layout([.. b.Axes[..(rank - 2)], b.Axes[rank - 2]])).Axes[..(rank - 2)]];
        c.Output(new Layout([.. batch, .. vectorA ? Array.Empty<Factor[]>() : [a.Axes[rank - 2]], .. vectorB ? Array.Empty<Factor[]>() : [b.Axes[rank - 2]]]));
    }

    public static void Einsum(NodeContext c)
    {
        var equation = (c.Node.GetString("equation", null) ?? "").Replace(" ", "", StringComparison.Ordinal);
        var sides = equation.Split("->");
        var terms = sides[0].Split(',');
        if (sides.Length != 2 || equation.Contains('.', StringComparison.Ordinal) || terms.Any(term => term.Distinct().Count() != term.Length))
        {
            c.GiveUp("has an equation that is not followed");
            return;
        }

        var axes = new Dictionary<char, Factor[]>();
        Layout? joined = null;
        var labels = "";
        foreach (var (index, term) in terms.Index())
        {
            var layout = c.Input(index);
            if (joined is null)
            {
                (joined, labels) = (layout, term);
                continue;
            }

            // Both with all labels, in the order of the first with the new ones behind.
            var all = labels + string.Concat(term.Where(label => !labels.Contains(label)));
            var first = new Layout([.. joined.Axes, .. Enumerable.Repeat(Array.Empty<Factor>(), all.Length - labels.Length)]);
            var second = new Layout([.. all.Select(label => term.IndexOf(label) is var axis and >= 0 ? layout.Axes[axis] : [])]);
            var shared = Enumerable.Range(0, all.Length).Where(axis => first.Axes[axis].Length > 0 && second.Axes[axis].Length > 0).ToArray();
            Harden(first);
            Harden(second);
            if (shared.Length > 0)
            {
                (first, second) = Elementwise.Coupled(c, first, second, shared);
            }

            (joined, labels) = (Elementwise.Pick(first, second), all);
        }

        foreach (var (axis, label) in labels.Index())
        {
            axes[label] = joined!.Axes[axis];
        }

        c.Output(new Layout([.. sides[1].Select(label => axes[label])]));
    }

    /// <summary>Couples the input channels of a grouped convolution with its weight, whose rows belong to the groups.</summary>
    private static void Grouped(NodeContext c, Factor[] data, Factor[] outputs, int groups)
    {
        foreach (var axis in new[] { data, outputs })
        {
            if (Layout.SlotsOf(axis) is { } slots && Array.TrueForAll(slots, slot => slot >= 0) && slots.Distinct().Count() == slots.Length)
            {
                c.Grids.Get(slots, [groups, slots.Length / groups]).IsHard = true;
            }
            else
            {
                c.Coupling.Freeze(axis, $"{c.Where} has groups of channels that cannot be told apart");
            }
        }

        c.Coupling.GroupedInputs[c.Node] = Layout.SlotsOf(data);
    }

    /// <summary>What lies behind the channels are places, and windows run over them.</summary>
    public static void FreezePlaces(NodeContext c)
    {
        foreach (var axis in c.Input(0).Axes[2..])
        {
            c.Coupling.FreezeLength(axis, $"{c.Where} runs over it");
        }
    }

    private static void Finish(NodeContext c, Factor[] channels, int bias)
    {
        FreezePlaces(c);
        if (c.Has(bias))
        {
            c.Couple(channels, c.Input(bias).Axes[0]);
        }

        var dims = c.OutputDims();
        var result = new Layout([c.Input(0).Axes[0], channels, .. dims[2..].Select(Layout.FixedAxis)]);

        // FusedConv adds another value of the same shape.
        c.Output(c.Has(bias + 1) ? Elementwise.Join(c, result, c.Input(bias + 1)) : result);
    }

    private static void MarkWeights(NodeContext c, Layout a, Layout b)
    {
        var (constA, constB) = (c.IsWeight(0), c.IsWeight(1));
        if (constB && !constA && b.Rank >= 2)
        {
            c.Mark(b.Axes[^2], SlotRole.Input);
            c.Mark(b.Axes[^1], SlotRole.Output);
        }
        else if (constA && !constB && a.Rank >= 2)
        {
            c.Mark(a.Axes[^1], SlotRole.Input);
            c.Mark(a.Axes[^2], SlotRole.Output);
        }
    }

    /// <summary>In a product of two activations, what the batch axes hold of a grid that goes on in the matrices are heads.</summary>
    public static void MarkHeads(Layout layout, int rank)
    {
        for (var axis = 0; axis < rank - 2; axis++)
        {
            foreach (var factor in layout.Axes[axis])
            {
                if (factor.Grid is { Rank: > 1 } grid && layout.Axes[(rank - 2)..].Any(other => Array.Exists(other, inner => inner.Grid == grid)))
                {
                    grid.IsHard = true;
                    grid.HeadDims |= 1 << factor.Dim;
                }
            }
        }
    }

    private static void Harden(Layout layout)
    {
        foreach (var grid in layout.Grids)
        {
            grid.IsHard |= grid.Rank > 1;
        }
    }
}
