namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Operators of the domain <c>compresstool</c>: fused kernels for gradients.</summary>
internal static class TrainingKernels
{
    /// <summary>Inputs: x and the gradient by the output of a convolution. Output: the gradient by its weight.</summary>
    public static void ConvGradWeight(NodeContext c)
    {
        var x = c.DimsFrom(0, 3);
        var gradient = c.DimsFrom(1, 3);
        var kernel = c.Ints("kernel_shape") ?? throw c.Mismatch("the attribute kernel_shape is missing");
        var group = c.Int("group", 1);
        if (group < 1 || x?[1].Number % group > 0 || gradient?[1].Number % group > 0)
        {
            throw c.Mismatch($"channels of its inputs {NodeContext.Show(x)} and {NodeContext.Show(gradient)} cannot be split into {group} groups");
        }

        if ((x is not null && x.Length != kernel.Length + 2) || (gradient is not null && gradient.Length != kernel.Length + 2))
        {
            throw c.Mismatch($"its inputs {NodeContext.Show(x)} and {NodeContext.Show(gradient)} do not have the {kernel.Length} spatial axes of its kernel");
        }

        c.Set(0, c.SameType(0, 1), [
            gradient?[1] ?? c.Opaque(0, 0),
            x is null ? c.Opaque(0, 1) : group == 1 ? x[1] : x[1].Number is { } channels ? channels / group : c.Opaque(0, 1),
            .. kernel.Select(size => (Expression)size)]);
    }

    /// <summary>Inputs: x, scale, bias. Outputs: the result, and mean and inverse deviation of each group.</summary>
    public static void GroupNormSilu(NodeContext c)
    {
        var x = Channels(c, 0, 1, 2);
        var groups = c.Int("num_groups", 1);
        if (groups < 1 || x?[1].Number % groups > 0)
        {
            throw c.Mismatch($"the {x?[1]} channels of its input {NodeContext.Show(x)} cannot be split into {groups} groups");
        }

        c.Set(0, c.Type(0), x);
        c.Set(1, c.Type(0), x is null ? null : [x[0], groups]);
        c.Set(2, c.Type(0), x is null ? null : [x[0], groups]);
    }

    /// <summary>Inputs: the gradient by the output, x, scale, bias, mean, inverse deviation. Outputs: the gradients by x, scale and bias.</summary>
    public static void GroupNormSiluGrad(NodeContext c)
    {
        var x = Channels(c, 1, 2, 3);
        c.Set(0, c.SameType(0, 1), x);
        c.Set(1, c.Type(1), x is null ? null : [x[1]]);
        c.Set(2, c.Type(1), x is null ? null : [x[1]]);
    }

    /// <summary>Inputs: the gradient by the output, and x. Output: the gradient by x.</summary>
    public static void ElementwiseGrad(NodeContext c) => c.Set(0, c.SameType(0, 1), c.Dims(1) ?? c.Dims(0));

    private static Expression[]? Channels(NodeContext c, int input, params ReadOnlySpan<int> parameters)
    {
        var x = c.DimsFrom(input, 2);
        foreach (var parameter in parameters)
        {
            if (x is not null && c.Dims(parameter) is { } dims && (dims.Length != 1 || Expression.Differ(dims[0], x[1])))
            {
                throw c.Mismatch($"{c.What(parameter)} {NodeContext.Show(dims)} does not fit the {x[1]} channels of its input {NodeContext.Show(x)}");
            }
        }

        return x;
    }
}
