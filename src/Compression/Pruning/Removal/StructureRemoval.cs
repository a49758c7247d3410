using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;

namespace CompressTool.Compression.Pruning.Removal;

/// <summary>
/// Cuts channels out of a model: constants lose the indices, and what tells sizes (targets of reshapes, borders of slices, numbers of
/// groups and heads) is corrected. Tensors stay lazy: they are cut while the model is saved.
/// </summary>
internal sealed class StructureRemoval
{
    private readonly DependencyWalk _walk;
    private readonly UnionFind _slots;
    private readonly bool[] _removed;
    private readonly KeptLengths _lengths;
    private readonly ShapeTarget _targets;

    private StructureRemoval(DependencyGraph dependencies, IEnumerable<int> removed)
    {
        _walk = dependencies.Walk;
        _slots = _walk.Coupling.Slots;
        _removed = new bool[_slots.Count];
        foreach (var slot in removed)
        {
            _removed[_slots.Find(slot)] = true;
        }

        _lengths = new KeptLengths(IsRemoved);
        _targets = new ShapeTarget((value, axis) => _walk.KnownLayout(value) is { } layout ? _lengths.Of(layout.Axes[axis]) : _walk.DimsOf(value)?[axis] ?? -1);
    }

    /// <summary>Removes channels of groups from the model that was analysed. The analysis does not hold for the model afterwards.</summary>
    /// <param name="dependencies">The analysis.</param>
    /// <param name="choice">Channels by group.</param>
    public static void Run(DependencyGraph dependencies, IEnumerable<(PrunableGroup Group, IReadOnlyList<int> Channels)> choice)
    {
        var removal = new StructureRemoval(dependencies, choice.SelectMany(part => part.Channels.SelectMany(channel => part.Group.Slots[channel])));
        removal.Cut();
    }

    private bool IsRemoved(int slot) => _removed[_slots.Find(slot)];

    private void Cut()
    {
        var model = _walk.Model;

        // Nodes first: they are corrected by what constants are before.
        foreach (var node in model.Graph.Nodes.ToArray())
        {
            Correct(node);
        }

        foreach (var constant in _walk.Constants)
        {
            CutConstant(constant);
        }

        model.Graph.RemoveUnused();
        ShapeInference.Run(model, new InferenceOptions { Refresh = true });
    }

    private void CutConstant(Value constant)
    {
        var layout = _walk.LayoutOf(constant);
        var tensor = Layers.ConstantOf(constant)!;
        var kept = new int[]?[layout.Rank];
        for (var axis = 0; axis < kept.Length; axis++)
        {
            if (Layout.SlotsOf(layout.Axes[axis]) is { } slots && _lengths.KeptOf(slots) is var some && some.Length < slots.Length)
            {
                kept[axis] = some;
            }
        }

        if (_walk.Coupling.GroupedUserOf(constant) is { } grouped
            && CutGrouped(tensor, grouped, kept[0]) is { } weight)
        {
            Replace(constant, weight);
        }
        else if (Array.Exists(kept, axis => axis is not null))
        {
            Replace(constant, SlicedData.Of(tensor, kept));
        }
    }

    private Tensor? CutGrouped(Tensor weight, Node node, int[]? rows)
    {
        var groups = (int)node.GetInt("group", 1);
        var fed = _walk.Coupling.GroupedInputs[node];
        if (fed is null)
        {
            return null;
        }

        var each = fed.Length / groups;
        var columns = Enumerable.Range(0, groups).Select(group => _lengths.KeptOf(fed[(group * each)..((group + 1) * each)])).ToArray();
        return rows is null && columns[0].Length == each ? null
            : SlicedData.Grouped(weight, rows ?? [.. Enumerable.Range(0, (int)weight.Dims[0])], columns);
    }

    private static void Replace(Value constant, Tensor tensor)
    {
        if (constant.Initializer is not null)
        {
            Graph.ReplaceInitializer(constant, tensor);
            return;
        }

        foreach (var attribute in constant.Producer!.Attributes.ToArray())
        {
            constant.Producer.RemoveAttribute(attribute.Name);
        }

        constant.Producer.SetAttribute(Onnx.Attribute.Tensor("value", tensor));
        constant.Type = new TensorType(tensor.Type, Shape.Of(tensor.Dims));
    }

    private void Correct(Node node)
    {
        switch (node)
        {
            case { OpType: "Conv" or "FusedConv" } when node.GetInt("group", 1) is var groups and > 1 && Before(node.Input(0)!)[1] == groups:
                node.SetAttribute(Onnx.Attribute.Int("group", After(node.Input(0)!)[1]));
                break;
            case { Domain: "", OpType: "Reshape" }:
                _targets.Correct(node, 1, Before(node.Output(0)!), After(node.Output(0)!), keepsOpen: node.GetInt("allowzero", 0) == 0);
                break;
            case { Domain: "", OpType: "Expand" }:
                CorrectExpand(node);
                break;
            case { Domain: "", OpType: "ConstantOfShape" }:
                _targets.Correct(node, 0, Before(node.Output(0)!), After(node.Output(0)!), keepsOpen: false);
                break;
            case { Domain: "", OpType: "Resize" } when node.Input(3) is not null:
                _targets.Correct(node, 3, Before(node.Output(0)!), After(node.Output(0)!), keepsOpen: false);
                break;
            case { Domain: "", OpType: "Slice" }:
                CorrectSlice(node);
                break;
            case { Domain: "", OpType: "Split" }:
                CorrectSplit(node);
                break;
            case { Domain: "", OpType: "Gather" }:
                CorrectGather(node);
                break;
            case { OpType: "MultiHeadAttention" or "Attention" or "GroupQueryAttention" }:
                CorrectAttention(node);
                break;
        }
    }

    private int[] Before(Value value) => _walk.DimsOf(value) ?? [];

    private int[] After(Value value) => _walk.KnownLayout(value) is { } layout ? [.. layout.Axes.Select(_lengths.Of)] : Before(value);

    /// <summary>Where the shape asks for 1 the input decides.</summary>
    private void CorrectExpand(Node node)
    {
        int[] before = Before(node.Output(0)!), after = After(node.Output(0)!);
        if (node.Input(1) is { } shape && Layers.ConstantOf(shape) is { } constant)
        {
            var numbers = constant.ToInt64s();
            var offset = before.Length - numbers.Length;
            (before, after) = (before[offset..], [.. after[offset..].Select((length, axis) => numbers[axis] == 1 ? before[offset + axis] : length)]);
        }

        _targets.Correct(node, 1, before, after, keepsOpen: false);
    }

    private void CorrectSlice(Node node)
    {
        int[] before = Before(node.Input(0)!), after = After(node.Input(0)!);
        if (before.SequenceEqual(after) || _walk.KnownLayout(node.Input(0)!) is not { } layout)
        {
            return;
        }

        var isInput = node.GetInts("starts") is null;
        if ((isInput ? Constant(1) : [.. node.GetInts("starts")!]) is not { } starts || (isInput ? Constant(2) : [.. node.GetInts("ends")!]) is not { } ends)
        {
            return;
        }

        var axes = (isInput ? node.Input(3) is null ? null : Constant(3) : node.GetInts("axes")?.ToArray()) ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        var steps = node.Input(4) is null ? null : Constant(4);
        var changed = false;
        for (var index = 0; index < axes.Length; index++)
        {
            var axis = (int)(axes[index] < 0 ? axes[index] + before.Length : axes[index]);
            if (before[axis] != after[axis])
            {
                (starts[index], ends[index]) = (Border(starts[index], axis, steps?[index] ?? 1), Border(ends[index], axis, 1));
                changed = true;
            }
        }

        if (changed && isInput)
        {
            node.SetInput(1, ShapeTarget.NewConstant(node, starts));
            node.SetInput(2, ShapeTarget.NewConstant(node, ends));
        }
        else if (changed)
        {
            node.SetAttribute(Onnx.Attribute.Ints("starts", starts));
            node.SetAttribute(Onnx.Attribute.Ints("ends", ends));
        }

        long[]? Constant(int input) => node.Input(input) is { } value ? _walk.ConstantOf(value)?.ToInt64s() : null;

        // Whole runs as long as the step are gone: what was in the middle of one is so still.
        long Border(long border, int axis, long step)
        {
            var place = (int)Math.Clamp(border < 0 ? border + before[axis] : border, 0, before[axis]);
            var inRun = (int)(place % step);
            return _lengths.Before(layout.Axes[axis], place - inRun) + inRun;
        }
    }

    private void CorrectSplit(Node node)
    {
        int[] before = Before(node.Input(0)!), after = After(node.Input(0)!);
        var axis = (int)(node.GetInt("axis", 0) is var given && given < 0 ? given + before.Length : given);
        if (before[axis] == after[axis])
        {
            return;
        }

        long[] sizes = [.. node.Outputs.Select(output => (long)After(output!)[axis])];
        node.RemoveAttribute("num_outputs");
        if (_walk.Opset < 13)
        {
            node.SetAttribute(Onnx.Attribute.Ints("split", sizes));
        }
        else
        {
            node.SetInput(1, ShapeTarget.NewConstant(node, sizes));
        }
    }

    /// <summary>Indices count what is left.</summary>
    private void CorrectGather(Node node)
    {
        if (node.Input(0) is not { } data || _walk.KnownLayout(data) is not { } layout || node.Input(1) is not { } input)
        {
            return;
        }

        var axis = (int)(node.GetInt("axis", 0) is var given && given < 0 ? given + layout.Rank : given);
        var factors = layout.Axes[axis];
        if (_lengths.Of(factors) == Layout.LengthOf(factors) || _walk.ConstantOf(input) is not { } indices)
        {
            return;
        }

        var length = Layout.LengthOf(factors);
        var isKept = Layout.SlotsOf(factors) is { } slots ? _lengths.KeptOf(slots).ToHashSet() : [.. _lengths.KeptAlong(factors[0].Grid!, factors[0].Dim)];
        long[] changed = [.. indices.ToInt64s().Select(index => index < 0 ? index + length : index).Where(index => isKept.Contains((int)index))
            .Select(index => (long)_lengths.Before(factors, (int)index))];
        var tensor = indices.Dims.Count == 0 ? Tensor.Int64(changed[0]) : Tensor.Int64s(changed);
        node.SetInput(1, node.Graph!.AddNode(node, "Constant", "indices", [], new TensorType(tensor.Type, Shape.Of(tensor.Dims)), "", Onnx.Attribute.Tensor("value", tensor)));
    }

    /// <summary>Numbers of heads; and the scale, which stays what the size of heads was.</summary>
    private void CorrectAttention(Node node)
    {
        var (before, after) = (0, 0);
        if (_walk.Coupling.Attentions.TryGetValue(node, out var grids))
        {
            int[] query = _lengths.ShapeOf(grids.Query), key = _lengths.ShapeOf(grids.Key), value = _lengths.ShapeOf(grids.Value);
            var heads = query[..^1].Aggregate(1, (product, length) => product * length);
            (before, after) = (grids.Query.Shape[^1], query[^1]);
            node.SetAttribute(Onnx.Attribute.Int(node.Domain.Length == 0 ? "q_num_heads" : "num_heads", heads));
            if (node.Domain.Length == 0 || node.OpType == "GroupQueryAttention")
            {
                node.SetAttribute(Onnx.Attribute.Int("kv_num_heads", key[0]));
            }

            if (node.GetInts("qkv_hidden_sizes") is not null)
            {
                node.SetAttribute(Onnx.Attribute.Ints("qkv_hidden_sizes", heads * after, heads * after, heads * value[^1]));
            }
        }
        else if (node.Domain.Length == 0 && Before(node.Input(0)!) is { Length: 4 } dims)
        {
            (before, after) = (dims[3], After(node.Input(0)!)[3]);
        }

        if (before != after && node.GetFloat("scale", 0) == 0)
        {
            node.SetAttribute(Onnx.Attribute.Float("scale", (float)(1 / Math.Sqrt(before))));
        }
    }
}
