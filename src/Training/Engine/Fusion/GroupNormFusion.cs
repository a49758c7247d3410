using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using CompressTool.Training.Kernels;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Engine.Fusion;

/// <summary>
/// Replaces normalisations of groups of channels, as exporters write them, by a single operator with a gradient of its own:
/// reshape to groups, InstanceNormalization, reshape back, or GroupNormalization; then scale, shift, and SiLU, as far as these follow.
/// </summary>
internal static class GroupNormFusion
{
    public static void Run(GraphBuilder builder)
    {
        foreach (var node in builder.Graph.Nodes.Where(node => node.Is("InstanceNormalization") || node.Is("GroupNormalization")).ToArray())
        {
            if (node.Inputs[0] is { ElementType: DataType.Float, Shape: { IsStatic: true, Count: > 1 } })
            {
                Replace(builder, node);
            }
        }
    }

    private static void Replace(GraphBuilder builder, Node normalization)
    {
        var x = normalization.Inputs[0]!;
        var groups = normalization.GetInt("num_groups", builder.Of(x).Dims[1]);
        var last = normalization;
        if (Ungrouped(builder, normalization, groups) is { } pair)
        {
            (x, last) = pair;
        }

        var scale = Following(builder, x, ref last, "Mul");
        var bias = Following(builder, x, ref last, "Add");
        var hasSilu = false;
        if (last.Outputs[0] is { IsGraphOutput: false, Uses: { Count: 2 } uses } normalized && uses.Select(use => use.Node).FirstOrDefault(user => user.Is("Sigmoid")) is { } sigmoid
            && SiluFusion.Product(normalized, sigmoid) is { } product)
        {
            (last, hasSilu) = (product, true);
        }

        Chain.Replace(builder, last, () =>
        {
            // The normalisation's own parameters, by group or channel, are ones and zeros unless it stands for itself.
            var channels = builder.Of(x).Dims[1];
            var (inner, shift) = (Parameter(normalization.Inputs[1]!, 1), Parameter(normalization.Inputs[2]!, 0));
            var (outer, outerShift) = (scale?.Reshape(channels), bias?.Reshape(channels));
            var total = (inner, outer) switch { (null, null) => builder.Full(1, DataType.Float, channels), (var a, null) => a, (null, var b) => b, var (a, b) => a * b };
            var scaledShift = shift is not null && outer is not null ? shift * outer : shift;
            var totalShift = (scaledShift, outerShift) switch { (null, null) => builder.Full(0, DataType.Float, channels), (var a, null) => a, (null, var b) => b, var (a, b) => a + b };
            var statistics = new TensorType(DataType.Float, Shape.Of([builder.Of(x).Dims[0], groups]));
            return builder.Kernel(nameof(GroupNormSilu), [x.Type, statistics, statistics], [builder.Of(x), total, totalShift],
                Attribute.Int("num_groups", groups), Attribute.Float("epsilon", normalization.GetFloat("epsilon", 1e-5f)), Attribute.Int("activation", hasSilu ? 1 : 0))[0];

            Expr? Parameter(Value value, float neutral) =>
                builder.ConstantOf(value) is { } constant && constant.ToArray<float>().All(number => number == neutral) ? null
                : builder.Of(value) is var own && own.Count == channels ? own : own.Reshape(groups, 1).Expand(groups, channels / groups).Reshape(channels);
        });
    }

    /// <summary>The array with its channels not yet grouped, and the node that undoes the grouping.</summary>
    private static (Value X, Node Last)? Ungrouped(GraphBuilder builder, Node normalization, long groups)
    {
        if (normalization.Is("InstanceNormalization") && normalization.Inputs[0]!.Producer is { } grouping && grouping.Is("Reshape") && grouping.Inputs[0] is { Shape: { IsStatic: true, Count: > 1 } } x
            && Chain.OnlyUser(normalization.Outputs[0]!) is { } ungrouping && ungrouping.Is("Reshape"))
        {
            var dims = builder.Of(x).Dims;
            return dims[0] == builder.Of(normalization.Inputs[0]!).Dims[0] && dims[1] % groups == 0 && builder.Of(ungrouping.Outputs[0]!).Dims.SequenceEqual(dims) ? (x, ungrouping) : null;
        }

        return null;
    }

    /// <summary>What the last node's output is multiplied with or added to, when that is a number for each channel; the operation is the last node then.</summary>
    private static Expr? Following(GraphBuilder builder, Value x, ref Node last, string opType)
    {
        var value = last.Outputs[0]!;
        if (Chain.OnlyUser(value) is not { } user || !user.Is(opType))
        {
            return null;
        }

        var other = builder.Of(user.Inputs[user.Inputs[0] == value ? 1 : 0]!);
        long[] dims = builder.Of(x).Dims, perChannel = [dims[1], .. Enumerable.Repeat(1L, dims.Length - 2)];
        if (!other.Dims.SequenceEqual(perChannel) && !other.Dims.SequenceEqual([1, .. perChannel]))
        {
            return null;
        }

        last = user;
        return other;
    }
}
