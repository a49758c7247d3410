using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Expressions;

/// <content>Shapes, parts and sums.</content>
public sealed partial class Expr
{
    /// <summary>The same elements in another shape; one dimension may be -1.</summary>
    public Expr Reshape(params IReadOnlyList<long> dims) =>
        Value.Shape?.ToArray() is { } present && present.SequenceEqual(dims) ? this
        : Node("Reshape", [Builder.Int64s([.. dims])], dims.Contains(0) ? [Attribute.Int("allowzero", 1)] : []);

    /// <summary>
    /// The same elements in another shape, of an array whose dimensions need not be known: 0 keeps the dimension of the same place,
    /// and one dimension may be -1 for what is left.
    /// </summary>
    /// <param name="target">The dimensions, 0 or -1.</param>
    public Expr View(params IReadOnlyList<long> target) => Node("Reshape", Builder.Int64s([.. target]));

    /// <summary>The axes in another order.</summary>
    public Expr Transpose(params IReadOnlyList<int> permutation) =>
        permutation.SequenceEqual(Enumerable.Range(0, permutation.Count)) ? this
        : Node("Transpose", [], Attribute.Ints("perm", [.. permutation.Select(axis => (long)axis)]));

    /// <summary>The last two axes exchanged.</summary>
    public Expr TransposeLast() => Transpose([.. Enumerable.Range(0, Rank - 2), Rank - 1, Rank - 2]);

    /// <summary>Repeated to a shape, as in broadcasting.</summary>
    public Expr Expand(params IReadOnlyList<long> dims) => Dims.SequenceEqual(dims) ? this : Node("Expand", Builder.Int64s([.. dims]));

    /// <summary>Axes of size 1 added at these places of the result.</summary>
    public Expr Unsqueeze(params IReadOnlyList<int> axes)
    {
        var dims = Dims.ToList();
        foreach (var axis in axes.Order())
        {
            dims.Insert(axis, 1);
        }

        return Reshape(dims);
    }

    /// <summary>Sum over axes; over all when none is named.</summary>
    /// <param name="axes">The axes, from the front; null for all.</param>
    /// <param name="keepDims">Whether they stay with size 1.</param>
    public Expr Sum(IReadOnlyList<int>? axes = null, bool keepDims = false)
    {
        axes ??= [.. Enumerable.Range(0, Rank)];
        return axes.Count == 0 ? this
            : Node("ReduceSum", [Builder.Int64s([.. axes.Select(axis => (long)axis)])], Attribute.Int("keepdims", keepDims ? 1 : 0));
    }

    /// <summary>Mean over axes; over all when none is named.</summary>
    /// <param name="axes">The axes, from the front; null for all.</param>
    /// <param name="keepDims">Whether they stay with size 1.</param>
    public Expr Mean(IReadOnlyList<int>? axes = null, bool keepDims = false)
    {
        axes ??= [.. Enumerable.Range(0, Rank)];
        var dims = Dims;
        return Sum(axes, keepDims) * (1.0 / axes.Aggregate(1L, (count, axis) => count * dims[axis]));
    }

    /// <summary>The largest element over axes; over all when none is named.</summary>
    /// <param name="axes">The axes, from the front; null for all.</param>
    /// <param name="keepDims">Whether they stay with size 1.</param>
    public Expr Largest(IReadOnlyList<int>? axes = null, bool keepDims = false)
    {
        axes ??= [.. Enumerable.Range(0, Rank)];
        long[] numbers = [.. axes.Select(axis => (long)axis)];
        var keep = Attribute.Int("keepdims", keepDims ? 1 : 0);
        return axes.Count == 0 ? this
            : Builder.Model.Opset >= 18 ? Node("ReduceMax", [Builder.Int64s(numbers)], keep)
            : Node("ReduceMax", [], Attribute.Ints("axes", numbers), keep);
    }

    /// <summary>Summed to a shape that broadcasts to this one: the gradient of broadcasting.</summary>
    /// <exception cref="CompressToolException">The shape does not broadcast to this one (CMP7003).</exception>
    public Expr SumTo(IReadOnlyList<long> dims)
    {
        var present = Dims;
        if (present.SequenceEqual(dims))
        {
            return this;
        }

        var added = present.Length - dims.Count;
        if (added < 0 || Enumerable.Range(0, dims.Count).Any(axis => dims[axis] != present[axis + added] && dims[axis] != 1))
        {
            throw new CompressToolException(TrainingErrors.InvalidRequest, $"'{Value.Name}' of the shape [{string.Join(',', present)}] cannot be summed to [{string.Join(',', dims)}]");
        }

        var axes = Enumerable.Range(0, present.Length).Where(axis => axis < added || dims[axis - added] != present[axis]).ToArray();
        return Sum(axes, keepDims: true).Reshape(dims);
    }

    /// <summary>A part along an axis.</summary>
    /// <param name="axis">The axis, from the front.</param>
    /// <param name="start">First index.</param>
    /// <param name="end">Index after the last.</param>
    /// <param name="step">Distance between two; -1 to go backwards (then start is the highest index, and an end before the first is <see cref="long.MinValue"/>).</param>
    public Expr Slice(int axis, long start, long end, long step = 1) => Slice([axis], [start], [end], [step]);

    /// <summary>Parts along several axes.</summary>
    public Expr Slice(IReadOnlyList<int> axes, IReadOnlyList<long> starts, IReadOnlyList<long> ends, IReadOnlyList<long> steps)
    {
        var dims = Dims;
        return axes.Index().All(axis => starts[axis.Index] == 0 && ends[axis.Index] == dims[axis.Item] && steps[axis.Index] == 1) ? this
            : Node("Slice", Builder.Int64s([.. starts]), Builder.Int64s([.. ends]), Builder.Int64s([.. axes.Select(axis => (long)axis)]), Builder.Int64s([.. steps]));
    }

    /// <summary>Zeros added around; negative numbers cut off.</summary>
    /// <param name="before">How many before, by axis.</param>
    /// <param name="after">How many after, by axis.</param>
    public Expr Pad(IReadOnlyList<long> before, IReadOnlyList<long> after) =>
        before.Concat(after).All(count => count == 0) ? this : Node("Pad", Builder.Int64s([.. before, .. after]), Number(0));
}
