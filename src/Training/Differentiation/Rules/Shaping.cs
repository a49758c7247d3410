using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Operators that move, repeat, join or cut out elements.</summary>
internal static class Shaping
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["Reshape"] = Back,
        ["Flatten"] = Back,
        ["Squeeze"] = Back,
        ["Unsqueeze"] = Back,
        ["Expand"] = n => [n.Gradient],
        ["Transpose"] = Transpose,
        ["Concat"] = Concat,
        ["Split"] = Split,
        ["Slice"] = Slice,
        ["Tile"] = Tile,
        ["Trilu"] = n => [n.Builder.Node("Trilu", [n.Gradient, n.Optional(1)], Onnx.Attribute.Int("upper", n.Int("upper", 1)))],
        ["DepthToSpace"] = n => [DepthToSpace(n)],
        ["SpaceToDepth"] = n => [n.Builder.Node("DepthToSpace", [n.Gradient], Onnx.Attribute.Int("blocksize", n.Int("blocksize", 1)))],
    };

    private static IEnumerable<Expr?> Back(GradientContext n) => [n.Gradient.Reshape(n[0].Dims)];

    private static IEnumerable<Expr?> Transpose(GradientContext n)
    {
        var permutation = n.Ints("perm") ?? [.. Enumerable.Range(0, n[0].Rank).Reverse().Select(axis => (long)axis)];
        var inverse = new int[permutation.Length];
        for (var axis = 0; axis < inverse.Length; axis++)
        {
            inverse[permutation[axis]] = axis;
        }

        return [n.Gradient.Transpose(inverse)];
    }

    private static IEnumerable<Expr?> Concat(GradientContext n)
    {
        var axis = n.Axis("axis", 0, n.Output.Rank);
        long start = 0;
        for (var input = 0; input < n.InputCount; input++)
        {
            var end = start + n[input].Dims[axis];
            yield return n.Wants(input) ? n.Gradient.Slice(axis, start, end) : null;
            start = end;
        }
    }

    private static IEnumerable<Expr?> Split(GradientContext n)
    {
        var axis = n.Axis("axis", 0, n[0].Rank);
        return [n.Builder.Concat(axis, [.. Enumerable.Range(0, n.Node.Outputs.Count).Select(output => n.Of(output) ?? n.OutputAt(output).ZerosLike())])];
    }

    private static IEnumerable<Expr?> Slice(GradientContext n)
    {
        var dims = n[0].Dims;
        var starts = n.ConstantInts(1) ?? throw n.Unsupported("its starts are left out");
        var ends = n.ConstantInts(2)!;
        var axes = n.ConstantInts(3) ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        var steps = n.ConstantInts(4) ?? [.. starts.Select(_ => 1L)];
        var gradient = n.Gradient;
        for (var index = 0; index < axes.Length; index++)
        {
            var axis = OperatorContext.Axis(axes[index], dims.Length);
            var (size, step) = (dims[axis], steps[index]);
            var count = gradient.Dims[axis];
            var start = starts[index] < 0 ? starts[index] + size : starts[index];
            start = step > 0 ? Math.Clamp(start, 0, size) : Math.Clamp(start, 0, size - 1);
            if (step < 0)
            {
                // Backwards: the same elements from the lowest on.
                gradient = gradient.Slice(axis, count - 1, long.MinValue, -1);
                start += (count - 1) * step;
                step = -step;
            }

            gradient = Place(gradient, axis, size, start, step);
        }

        return [gradient];
    }

    /// <summary>Elements along an axis set at <c>start, start + step, ...</c> into zeros.</summary>
    private static Expr Place(Expr x, int axis, long size, long start, long step)
    {
        var count = x.Dims[axis];
        if (step > 1)
        {
            // Zeros behind each element, as an axis of its own.
            long[] dims = x.Dims;
            x = Pad(x.Unsqueeze(axis + 1), axis + 1, 0, step - 1).Reshape([.. dims[..axis], count * step, .. dims[(axis + 1)..]]);
        }

        return Pad(x, axis, start, size - start - (count * step));
    }

    private static Expr Pad(Expr x, int axis, long before, long after)
    {
        var (starts, ends) = (new long[x.Rank], new long[x.Rank]);
        (starts[axis], ends[axis]) = (before, after);
        return x.Pad(starts, ends);
    }

    private static IEnumerable<Expr?> Tile(GradientContext n)
    {
        // Each axis as [repeats, size], of which the repeats are summed.
        var dims = n[0].Dims;
        var repeats = n.Output.Dims.Select((size, axis) => dims[axis] == 0 ? 0 : size / dims[axis]).ToArray();
        var split = repeats.Zip(dims, (repeat, size) => (long[])[repeat, size]).SelectMany(pair => pair).ToArray();
        return [n.Gradient.Reshape(split).Sum([.. Enumerable.Range(0, dims.Length).Select(axis => 2 * axis)]), null];
    }

    private static Expr DepthToSpace(GradientContext n)
    {
        var block = Onnx.Attribute.Int("blocksize", n.Int("blocksize", 1));
        var gradient = n.Builder.Node("SpaceToDepth", [n.Gradient], block);
        if (n.Text("mode", "DCR") == "DCR")
        {
            return gradient;
        }

        // SpaceToDepth puts the block before the channels, CRD wants it behind.
        var (dims, size) = (gradient.Dims, n.Int("blocksize", 1));
        return gradient.Reshape(dims[0], size * size, dims[1] / (size * size), dims[2], dims[3]).Transpose(0, 2, 1, 3, 4).Reshape(dims);
    }
}
