namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Convolutions: batch and channels first, then any number of spatial axes, unless said otherwise.</summary>
internal static class Convolution
{
    public static void Conv(NodeContext c) => c.Set(0, c.SameType(0, 1), Shape(c, weight: 1, bias: 2));

    public static void ConvInteger(NodeContext c) => c.Set(0, DataType.Int32, Shape(c, weight: 1, bias: -1));

    /// <summary>Inputs: x, its scale and zero point, weight, its scale and zero point, output scale and zero point, bias.</summary>
    public static void QLinearConv(NodeContext c)
    {
        if (c.Int("channels_last", 0) == 0)
        {
            c.Set(0, c.Type(7), Shape(c, weight: 3, bias: 8));
        }
        else
        {
            c.Set(0, c.Type(7), ChannelsLast(c, 3));
        }
    }

    /// <summary>Channels last in input and output; the weight is as ever.</summary>
    public static void NhwcConv(NodeContext c) => c.Set(0, c.SameType(0, 1), ChannelsLast(c, 1));

    public static void DeformConv(NodeContext c) => c.Set(0, c.SameType(0, 1), Shape(c, weight: 1, bias: 3));

    public static void ConvTranspose(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.DimsFrom(0, 3) is { } x && Kernel(c, x, 1) is { } kernel)
        {
            var group = c.Int("group", 1);
            var channels = c.Opaque(0, 1);
            if (c.Dims(1) is { } weight)
            {
                if (Expression.Differ(x[1], weight[0]))
                {
                    throw c.Mismatch($"its input {NodeContext.Show(x)} has {x[1]} channels, its weight {NodeContext.Show(weight)} wants {weight[0]}");
                }

                channels = weight[1] * group;
            }

            dims = [x[0], channels, .. Windows.Transposed(c, x.AsSpan(2), kernel)];
        }

        c.Set(0, c.SameType(0, 1), dims);
    }

    private static Expression[]? Shape(NodeContext c, int weight, int bias)
    {
        if (c.DimsFrom(0, 3) is not { } x || Kernel(c, x, weight) is not { } kernel)
        {
            return null;
        }

        return [x[0], Channels(c, x, x[1], weight, bias), .. Windows.Output(c, x.AsSpan(2), kernel)];
    }

    private static Expression[]? ChannelsLast(NodeContext c, int weight)
    {
        if (c.DimsFrom(0, 3) is not { } x || Kernel(c, x, weight) is not { } kernel)
        {
            return null;
        }

        return [x[0], .. Windows.Output(c, x.AsSpan(1, x.Length - 2), kernel), Channels(c, x, x[^1], weight, bias: -1)];
    }

    /// <summary>The window, from the weight or else the attribute; null when neither is known.</summary>
    private static Expression[]? Kernel(NodeContext c, Expression[] x, int weight)
    {
        var declared = c.Ints("kernel_shape") is { Length: > 0 } ? Windows.PerAxis(c, "kernel_shape", x.Length - 2, 1) : null;
        if (c.Dims(weight) is not { } w)
        {
            return declared is null ? null : [.. declared.Select(Expression.Of)];
        }

        if (w.Length != x.Length)
        {
            throw c.Mismatch($"its input {NodeContext.Show(x)} and its weight {NodeContext.Show(w)} have different numbers of dimensions");
        }

        for (var axis = 2; axis < w.Length && declared is not null; axis++)
        {
            if (w[axis].Number is { } size && size != declared[axis - 2])
            {
                throw c.Mismatch($"its kernel_shape is [{string.Join(',', declared)}], its weight {NodeContext.Show(w)}");
            }
        }

        return w[2..];
    }

    /// <summary>The output channels, after checks of group, input channels and bias.</summary>
    private static Expression Channels(NodeContext c, Expression[] x, Expression inputChannels, int weight, int bias)
    {
        if (c.Dims(weight) is not { } w)
        {
            return c.Opaque(0, 1);
        }

        var group = c.Int("group", 1);
        if (Expression.Differ(inputChannels, w[1] * group))
        {
            throw c.Mismatch($"its input {NodeContext.Show(x)} has {inputChannels} channels, its weight {NodeContext.Show(w)} with group {group} wants {w[1] * group}");
        }

        if (group < 1 || w[0].Number % group > 0)
        {
            throw c.Mismatch($"the {w[0]} output channels of its weight {NodeContext.Show(w)} cannot be split into {group} groups");
        }

        if (bias >= 0 && c.Dims(bias) is { } b && (b.Length != 1 || Expression.Differ(b[0], w[0])))
        {
            throw c.Mismatch($"its bias {NodeContext.Show(b)} does not fit its weight {NodeContext.Show(w)}");
        }

        return w[0];
    }
}
