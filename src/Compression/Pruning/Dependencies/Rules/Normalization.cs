using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Dependencies.Rules;

/// <summary>Normalisations, reductions and pools: scales go with the channels, and what runs over channels mixes them.</summary>
internal static class Normalization
{
    /// <summary>BatchNormalization: a scale, shift, mean and variance for each channel.</summary>
    public static void Batch(NodeContext c)
    {
        for (var index = 1; index < c.Node.Inputs.Count; index++)
        {
            Scale(c, index, c.Input(0).Axes[1]);
        }

        c.Output(c.Input(0));
    }

    /// <summary>InstanceNormalization, by which exporters write group normalisation too: its channels are groups then, and their number stays.</summary>
    public static void Instance(NodeContext c)
    {
        var layout = c.Input(0);
        foreach (var axis in layout.Axes[2..])
        {
            c.Coupling.Mix(axis);
        }

        var areGroups = layout.Axes[1].Length > 0 && layout.Axes[1].All(factor => factor.Grid is not { } grid || !Layout.IsComplete(grid, [layout.Axes[1]]));
        if (!areGroups || !IsUniform(c.ConstantOf(1)) || !IsUniform(c.ConstantOf(2)))
        {
            Scale(c, 1, layout.Axes[1]);
            Scale(c, 2, layout.Axes[1]);
        }

        c.Output(layout);
    }

    /// <summary>GroupNormalization: the groups stay as many as they are.</summary>
    public static void Group(NodeContext c)
    {
        var layout = c.Input(0);
        var groups = (int)c.Node.GetInt("num_groups", 1);
        GroupsOf(c, layout.Axes[1], groups);
        foreach (var index in (int[])[1, 2])
        {
            if (c.DimsOf(index)[0] == c.DimsOf(0)[1])
            {
                Scale(c, index, layout.Axes[1]);
            }
        }

        c.Output(layout);
    }

    /// <summary>GroupNorm of ONNX Runtime: channels last, unless it says otherwise.</summary>
    public static void RuntimeGroup(NodeContext c)
    {
        var layout = c.Input(0);
        var axis = c.Node.GetInt("channels_last", 1) != 0 ? layout.Rank - 1 : 1;
        GroupsOf(c, layout.Axes[axis], (int)c.Node.GetInt("groups", 1));
        Scale(c, 1, layout.Axes[axis]);
        Scale(c, 2, layout.Axes[axis]);
        c.Output(layout);
    }

    /// <summary>LayerNormalization and its kin: one normalisation over the last axes.</summary>
    public static void Layer(NodeContext c)
    {
        var layout = c.Input(0);
        var first = c.Axis("axis", -1, layout.Rank);
        LayerOver(c, layout, first, [1, 2]);
        c.Output(layout);
        for (var index = 1; index < c.Node.Outputs.Count; index++)
        {
            if (c.Node.Output(index) is not null)
            {
                c.Output(new Layout([.. layout.Axes.Select((axis, place) => place < first ? axis : [])]), index);
            }
        }
    }

    /// <summary>SkipLayerNormalization of ONNX Runtime: a sum, then the normalisation.</summary>
    public static void SkipLayer(NodeContext c, int[] scales, int bias)
    {
        var layout = Elementwise.Join(c, c.Input(0), c.Input(1));
        LayerOver(c, layout, layout.Rank - 1, scales);
        if (c.Has(bias))
        {
            Scale(c, bias, layout.Axes[^1]);
        }

        c.Output(layout);
        for (var index = 1; index < c.Node.Outputs.Count; index++)
        {
            if (c.Node.Output(index) is not null)
            {
                c.Output(index == 3 ? layout : new Layout([.. layout.Axes[..^1], []]), index);
            }
        }
    }

    /// <summary>Softmax and its kin: what they run over adds up to one, so nothing can go there.</summary>
    public static void Softmax(NodeContext c)
    {
        var layout = c.Input(0);
        var axis = c.Axis("axis", c.Opset < 13 ? 1 : -1, layout.Rank);
        foreach (var over in c.Opset < 13 ? layout.Axes[axis..] : [layout.Axes[axis]])
        {
            c.Coupling.Freeze(over, $"{c.Where} runs over it");
        }

        c.Output(layout);
    }

    /// <summary>Operators that look at all indices of an axis in order (CumSum, TopK, ArgMax): nothing can go there.</summary>
    public static void Ordered(NodeContext c, int axis)
    {
        var layout = c.Input(0);
        c.Coupling.Freeze(layout.Axes[axis], $"{c.Where} runs over it");
        for (var index = 0; index < c.Node.Outputs.Count; index++)
        {
            if (c.Node.Output(index) is null)
            {
                continue;
            }

            var dims = c.OutputDims(index);
            c.Output(
                dims.Length == layout.Rank ? layout.With(axis, Layout.LengthOf(layout.Axes[axis]) == dims[axis] ? layout.Axes[axis] : Layout.FixedAxis(dims[axis]))
                : new Layout([.. layout.Axes[..axis], .. layout.Axes[(axis + 1)..]]),
                index);
        }
    }

    public static void Reduce(NodeContext c)
    {
        var layout = c.Input(0);
        var axes = c.Numbers("axes", 1);
        var keep = c.Node.GetInt("keepdims", 1) != 0;
        if (axes is null or { Length: 0 } && (c.Has(1) ? c.NumbersOf(1) is null : c.Node.GetInt("noop_with_empty_axes", 0) != 0))
        {
            c.GiveUp("reduces axes that are not known");
            return;
        }

        var reduced = axes is null or { Length: 0 } ? Enumerable.Range(0, layout.Rank).ToHashSet() : axes.Select(axis => NodeContext.Axis(axis, layout.Rank)).ToHashSet();
        foreach (var axis in reduced)
        {
            c.Coupling.Mix(layout.Axes[axis]);
        }

        c.Output(new Layout([.. layout.Axes.Index().Where(pair => keep || !reduced.Contains(pair.Index)).Select(pair => reduced.Contains(pair.Index) ? [] : pair.Item)]));
    }

    /// <summary>Pools: channels stay what they are.</summary>
    public static void Pool(NodeContext c)
    {
        Products.FreezePlaces(c);
        for (var index = 0; index < c.Node.Outputs.Count; index++)
        {
            if (c.Node.Output(index) is not null)
            {
                c.Output(new Layout([.. c.Input(0).Axes[..2], .. c.OutputDims(index)[2..].Select(Layout.FixedAxis)]), index);
            }
        }
    }

    private static void LayerOver(NodeContext c, Layout layout, int first, int[] scales)
    {
        foreach (var axis in layout.Axes[first..])
        {
            c.Coupling.Mix(axis);
        }

        foreach (var index in scales)
        {
            if (c.Has(index))
            {
                var scale = Elementwise.Pad(c.Input(index), layout.Rank);
                foreach (var axis in scale.Axes)
                {
                    c.Mark(axis, SlotRole.Normalization);
                }

                Elementwise.Join(c, layout, scale);
            }
        }
    }

    private static void Scale(NodeContext c, int index, Factor[] channels)
    {
        var axis = c.Input(index).Axes[0];
        c.Mark(axis, SlotRole.Normalization);
        c.Couple(channels, axis);
    }

    private static void GroupsOf(NodeContext c, Factor[] channels, int groups)
    {
        c.Coupling.Mix(channels);
        if (groups > 1 && Layout.HasSlots(channels))
        {
            if (Layout.SlotsOf(channels) is { } slots && Array.TrueForAll(slots, slot => slot >= 0))
            {
                c.Grids.Get(slots, [groups, slots.Length / groups]);
            }
            else
            {
                c.Coupling.Freeze(channels, $"{c.Where} has groups of channels that cannot be told apart");
            }
        }
    }

    private static bool IsUniform(Tensor? tensor)
    {
        if (tensor is null || !tensor.Type.IsFloat())
        {
            return false;
        }

        var values = tensor.ToFloats();
        return Array.TrueForAll(values, value => value == values[0]);
    }
}
