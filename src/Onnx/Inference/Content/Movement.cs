namespace CompressTool.Onnx.Inference.Content;

/// <summary>Content of operators that only move elements: each says which input element comes to which place.</summary>
internal static class Movement
{
    /// <summary>The same elements in the same order; costs nothing, whatever the size.</summary>
    public static void Keep(NodeContext c)
    {
        if (c.OutputFact(0).StaticDims is { } dims && c.Fact(0).Constant is { } tensor && tensor.Count == NodeContext.Count(dims))
        {
            c.Fill(0, tensor.Reshape(dims));
        }
        else if (c.Elements(0) is { } elements)
        {
            c.Fill(0, elements);
        }
    }

    /// <summary>Large constants are transposed when somebody reads them.</summary>
    public static void Transpose(NodeContext c)
    {
        if (c.Fact(0).StaticDims is not { } from)
        {
            return;
        }

        var perm = Rules.Shaping.Permutation(c, from.Length);
        if (c.IsMovable(0, 0))
        {
            var strides = Strides.Of(from);
            c.Move(0, Strides.Map([.. perm.Select(axis => from[axis])], [.. perm.Select(axis => strides[axis])]), 0);
        }
        else if (c.Fact(0).Constant is { Strings: null } tensor && tensor.Type.BitSize() >= 8 && tensor.ByteLength <= Array.MaxLength)
        {
            c.Fill(0, Transposition.Of(tensor, perm));
        }
    }

    public static void Gather(NodeContext c)
    {
        if (!c.IsMovable(0, 0) || c.Fact(0).StaticDims is not { } from || Indices(c, 1) is not { } indices || c.ComputableDims() is not { } to)
        {
            return;
        }

        var axis = c.Axis(c.Int("axis", 0), from.Length);
        var inner = (int)NodeContext.Count(from.AsSpan(axis + 1));
        var outer = (int)NodeContext.Count(from.AsSpan(0, axis));
        var map = new int[NodeContext.Count(to)];
        var position = 0;
        for (var block = 0; block < outer; block++)
        {
            foreach (var index in indices)
            {
                var start = ((block * (int)from[axis]) + FromFront(c, index, from[axis])) * inner;
                for (var element = 0; element < inner; element++)
                {
                    map[position++] = start + element;
                }
            }
        }

        c.Move(0, map, 0);
    }

    public static void GatherElements(NodeContext c)
    {
        if (!c.IsMovable(0, 0) || c.Fact(0).StaticDims is not { } from || Indices(c, 1) is not { } indices || c.ComputableDims() is not { } to)
        {
            return;
        }

        var axis = c.Axis(c.Int("axis", 0), from.Length);
        var strides = Strides.Of(from);
        var stride = strides[axis];
        strides[axis] = 0;
        var map = Strides.Map(to, strides);
        for (var position = 0; position < map.Length; position++)
        {
            map[position] += FromFront(c, indices[position], from[axis]) * stride;
        }

        c.Move(0, map, 0);
    }

    public static void Slice(NodeContext c)
    {
        if (!c.IsMovable(0, 0) || c.Fact(0).StaticDims is not { } from || c.ComputableDims() is not { } to || Rules.Slicing.Ranges(c, from.Length) is not { } ranges)
        {
            return;
        }

        var strides = Strides.Of(from);
        var start = 0;
        foreach (var range in ranges)
        {
            if (Rules.Slicing.First(from[range.Axis], range) is not { } first)
            {
                return;
            }

            start += (int)first * strides[range.Axis];
            strides[range.Axis] *= (int)range.Step!.Value;
        }

        c.Move(0, Strides.Map(to, strides, start), 0);
    }

    public static void Concat(NodeContext c)
    {
        int[] inputs = [.. Enumerable.Range(0, c.InputCount)];
        if (!c.IsMovable(0, inputs) || c.ComputableDims() is not { Length: > 0 } to)
        {
            return;
        }

        var axis = c.Axis(c.Int("axis", 1), to.Length);
        var outer = (int)NodeContext.Count(to.AsSpan(0, axis));
        var inner = (int)NodeContext.Count(to.AsSpan(axis + 1));
        var map = new int[NodeContext.Count(to)];
        var row = (int)to[axis] * inner;
        var (before, column) = (0, 0);
        foreach (var input in inputs)
        {
            var width = (int)c.Fact(input).StaticDims![axis] * inner;
            for (var block = 0; block < outer; block++)
            {
                for (var element = 0; element < width; element++)
                {
                    map[(block * row) + column + element] = before + (block * width) + element;
                }
            }

            before += outer * width;
            column += width;
        }

        c.Move(0, map, inputs);
    }

    public static void Split(NodeContext c)
    {
        if (c.Fact(0).StaticDims is not { } from || (c.Constant(0) is null && c.Elements(0) is null))
        {
            return;
        }

        var axis = c.Axis(c.Int("axis", 0), from.Length);
        var strides = Strides.Of(from);
        var start = 0;
        for (var output = 0; output < c.OutputCount; output++)
        {
            if (c.Node.Output(output) is null || c.OutputFact(output).StaticDims is not { } to)
            {
                return;
            }

            if (c.IsMovable(output, 0))
            {
                c.Move(output, Strides.Map(to, strides, start), 0);
            }

            start += (int)to[axis] * strides[axis];
        }
    }

    public static void Expand(NodeContext c)
    {
        if (c.IsMovable(0, 0) && c.Fact(0).StaticDims is { } from)
        {
            c.Move(0, Strides.Broadcast(from, c.ComputableDims()!), 0);
        }
    }

    public static void Tile(NodeContext c)
    {
        if (!c.IsMovable(0, 0) || c.Fact(0).StaticDims is not { } from)
        {
            return;
        }

        var to = c.ComputableDims()!;
        var strides = Strides.Of(from);
        var map = new int[NodeContext.Count(to)];
        for (var position = 0; position < map.Length; position++)
        {
            var (rest, source) = (position, 0);
            for (var axis = to.Length - 1; axis >= 0; axis--)
            {
                source += (int)(rest % to[axis] % from[axis]) * strides[axis];
                rest = (int)(rest / to[axis]);
            }

            map[position] = source;
        }

        c.Move(0, map, 0);
    }

    public static void Where(NodeContext c)
    {
        if (!c.IsMovable(0, 1, 2) || c.Fact(0).StaticDims is not { } conditionDims || c.Fact(1).StaticDims is not { } x || c.Fact(2).StaticDims is not { } y || c.Elements(0) is not { } condition)
        {
            return;
        }

        var to = c.ComputableDims()!;
        var (chooses, left, right) = (Strides.Broadcast(conditionDims, to), Strides.Broadcast(x, to), Strides.Broadcast(y, to));
        if (condition.All(element => element?.Number is not null))
        {
            var behind = (int)NodeContext.Count(x);
            c.Move(0, [.. chooses.Select((index, position) => condition[index]!.Number != 0 ? left[position] : behind + right[position])], 1, 2);
        }
        else if (c.Elements(1) is { } one && c.Elements(2) is { } other)
        {
            // Where the condition is open, both choices may still be the same.
            c.Fill(0, [.. chooses.Select((index, position) => condition[index]?.Number is { } known ? (known != 0 ? one[left[position]] : other[right[position]])
                : Equals(one[left[position]], other[right[position]]) ? one[left[position]] : null)]);
        }
    }

    public static void ScatterElements(NodeContext c)
    {
        if (!c.IsMovable(0, 0, 2) || c.Text("reduction", "none") != "none" || c.Fact(0).StaticDims is not { } to || c.Fact(1).StaticDims is not { } from || Indices(c, 1) is not { } indices)
        {
            return;
        }

        var axis = c.Axis(c.Int("axis", 0), to.Length);
        var strides = Strides.Of(to);
        var stride = strides[axis];
        strides[axis] = 0;
        var places = Strides.Map(from, strides);
        int[] map = [.. Enumerable.Range(0, (int)NodeContext.Count(to))];
        for (var update = 0; update < places.Length; update++)
        {
            map[places[update] + (FromFront(c, indices[update], to[axis]) * stride)] = map.Length + update;
        }

        c.Move(0, map, 0, 2);
    }

    public static void ScatterND(NodeContext c)
    {
        if (!c.IsMovable(0, 0, 2) || c.Text("reduction", "none") != "none" || c.Fact(0).StaticDims is not { } to
            || c.Fact(1).StaticDims is not { Length: > 0 } shape || shape[^1] is 0 || shape[^1] > to.Length || Indices(c, 1) is not { } indices)
        {
            return;
        }

        var depth = (int)shape[^1];
        var strides = Strides.Of(to);
        var block = (int)NodeContext.Count(to.AsSpan(depth));
        int[] map = [.. Enumerable.Range(0, (int)NodeContext.Count(to))];
        for (var row = 0; row < indices.Length / depth; row++)
        {
            var start = 0;
            for (var axis = 0; axis < depth; axis++)
            {
                start += FromFront(c, indices[(row * depth) + axis], to[axis]) * strides[axis];
            }

            for (var element = 0; element < block; element++)
            {
                map[start + element] = map.Length + (row * block) + element;
            }
        }

        if (c.Fact(2).StaticDims is { } updates && NodeContext.Count(updates) == indices.Length / depth * block)
        {
            c.Move(0, map, 0, 2);
        }
    }

    /// <summary>Constant padding with zeros or a given number.</summary>
    public static void Pad(NodeContext c)
    {
        if (!c.IsMovable(0, 0) || c.Text("mode", "constant") != "constant" || !c.Has(1) || c.Fact(0).StaticDims is not { } from || c.Numbers(1) is not { } pads || c.ComputableDims() is not { } to)
        {
            return;
        }

        int[]? axes = !c.Has(3) ? [.. Enumerable.Range(0, from.Length)] : c.Numbers(3) is { } some ? c.Axes(some, from.Length) : null;
        if (axes is null || pads.Length != 2 * axes.Length || pads.Any(pad => pad < 0) || (c.Has(2) && c.Fact(2).Constant is not { Count: 1 }))
        {
            return;
        }

        var strides = Strides.Of(to);
        var start = axes.Select((axis, index) => (int)pads[index] * strides[axis]).Sum();
        var map = new int[NodeContext.Count(to)];
        Array.Fill(map, c.Has(2) ? (int)NodeContext.Count(from) : -1);
        foreach (var (source, place) in Strides.Map(from, strides, start).Index())
        {
            map[place] = source;
        }

        c.Move(0, map, c.Has(2) ? [0, 2] : [0]);
    }

    public static void Trilu(NodeContext c)
    {
        if (!c.IsMovable(0, 0) || c.ComputableDims() is not { Length: > 1 } dims || (c.Has(1) && c.Numbers(1) is not [_]))
        {
            return;
        }

        var diagonal = c.Numbers(1) is [var k] ? k : 0;
        var upper = c.Int("upper", 1) != 0;
        var map = new int[NodeContext.Count(dims)];
        for (var position = 0; position < map.Length; position++)
        {
            var offset = (position % dims[^1]) - (position / dims[^1] % dims[^2]);
            map[position] = (upper ? offset >= diagonal : offset <= diagonal) ? position : -1;
        }

        c.Move(0, map, 0);
    }

    /// <summary>Takes the "on" value where an index names the place, the "off" value elsewhere.</summary>
    public static void OneHot(NodeContext c)
    {
        if (!c.IsMovable(0, 2) || Indices(c, 0) is not { } indices || c.ComputableDims() is not { } to || c.Fact(0).StaticDims is not { } from)
        {
            return;
        }

        var axis = c.Axis(c.Int("axis", -1), to.Length);
        var inner = (int)NodeContext.Count(from.AsSpan(axis));
        var depth = to[axis];
        var map = new int[NodeContext.Count(to)];
        for (var position = 0; position < map.Length; position++)
        {
            var place = position / inner % depth;
            var index = indices[(position / (inner * (int)depth) * inner) + (position % inner)];
            map[position] = (index < 0 ? index + depth : index) == place ? 1 : 0;
        }

        c.Move(0, map, 2);
    }

    private static long[]? Indices(NodeContext c, int input) =>
        c.Numbers(input) ?? (c.Constant(input) is { } tensor && NumberConversion.IsInteger(tensor.Type) ? tensor.ToInt64s() : null);

    private static int FromFront(NodeContext c, long index, long dim) => index >= -dim && index < dim ? (int)(index < 0 ? index + dim : index)
        : throw c.Mismatch($"its index {index} lies outside a dimension of {dim}");
}
