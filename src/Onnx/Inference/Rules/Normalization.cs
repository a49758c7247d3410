namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Normalisations: the output is like the input, parameters fit its channels.</summary>
internal static class Normalization
{
    /// <summary>Scale and bias, and in evaluation running mean and variance, have one number per channel.</summary>
    public static void Channels(NodeContext c)
    {
        var x = c.DimsFrom(0, 2);
        for (var input = 1; input < c.InputCount && x is not null; input++)
        {
            if (c.Dims(input) is { } parameter && (parameter.Length != 1 || Expression.Differ(parameter[0], x[1])))
            {
                throw c.Mismatch($"{c.What(input)} {NodeContext.Show(parameter)} does not fit the {x[1]} channels of its input {NodeContext.Show(x)}");
            }
        }

        c.Set(0, c.Type(0), x);
        if (c.Node.Is("BatchNormalization"))
        {
            // In training: running mean and variance; before version 14 also the batch's own.
            for (var output = 1; output < c.OutputCount; output++)
            {
                c.Set(output, c.Type(c.Opset < 15 ? 0 : 3), x is null ? null : [x[1]]);
            }
        }
    }

    /// <summary>Scale and bias have one number per channel, or per group before version 21.</summary>
    public static void Group(NodeContext c)
    {
        var x = c.DimsFrom(0, 2);
        var groups = c.Int("num_groups", 1);
        for (var input = 1; input <= 2 && x is not null; input++)
        {
            if (c.Dims(input) is { } parameter && (parameter.Length != 1 || (Expression.Differ(parameter[0], x[1]) && (c.Opset >= 21 || parameter[0].Number != groups))))
            {
                throw c.Mismatch($"{c.What(input)} {NodeContext.Show(parameter)} does not fit the {x[1]} channels of its input {NodeContext.Show(x)}");
            }
        }

        if (groups < 1 || x?[1].Number % groups > 0)
        {
            throw c.Mismatch($"the {x?[1]} channels of its input {NodeContext.Show(x)} cannot be split into {groups} groups");
        }

        c.Set(0, c.Type(0), x);
    }

    /// <summary>Normalises from an axis on; scale and bias broadcast to the input. Further outputs: mean and inverse deviation.</summary>
    public static void Layer(NodeContext c)
    {
        var x = c.DimsFrom(0, 1);
        CheckFit(c, x, 1, 2);
        c.Set(0, c.Node.Domain.Length == 0 ? c.Type(0) : c.SameType(0, 1), x);
        if (c.OutputCount > 1)
        {
            var axis = x is null ? 0 : c.Axis(c.Int("axis", -1), x.Length);
            Expression[]? moments = x is null ? null : [.. x.Select((dim, index) => index < axis ? dim : 1)];
            c.Set(1, c.TypeAttribute("stash_type", DataType.Float), moments);
            c.Set(2, c.TypeAttribute("stash_type", DataType.Float), moments);
        }
    }

    /// <summary>com.microsoft: x, residual, scale, (bias,) bias of the sum. Outputs: result, mean, inverse deviation, the sum.</summary>
    public static void SkipLayer(NodeContext c)
    {
        var x = c.DimsFrom(0, 2);
        CheckFit(c, x, 1, 2, 3);
        Expression[]? moments = x is null ? null : [.. x[..^1], 1];
        c.Set(0, c.SameType(0, 1), x);
        c.Set(1, DataType.Float, moments);
        c.Set(2, DataType.Float, moments);
        c.Set(3, c.Type(0), x);
    }

    /// <summary>com.microsoft: x, scale, bias, residual, bias of the sum. Outputs: result and the sum.</summary>
    public static void SkipGroup(NodeContext c)
    {
        c.Set(0, c.Type(0), c.Dims(0));
        c.Set(1, c.Type(0), c.Dims(0));
    }

    /// <summary>com.microsoft: word ids and tables give embeddings, a mask and their sum.</summary>
    public static void EmbedLayer(NodeContext c)
    {
        var ids = c.Dims(0, 2);
        var table = c.Dims(2, 2);
        Expression[]? dims = ids is null || table is null ? null : [ids[0], ids[1], table[1]];
        c.Set(0, c.Type(2), dims);
        c.Set(1, DataType.Int32, ids is null ? null : [ids[0]]);
        c.Set(2, c.Type(2), dims);
    }

    private static void CheckFit(NodeContext c, Expression[]? x, params ReadOnlySpan<int> parameters)
    {
        foreach (var input in parameters)
        {
            if (x is null || c.Dims(input) is not { } parameter)
            {
                continue;
            }

            if (parameter.Length > x.Length || parameter.Index().Any(dim => dim.Item.Number != 1 && Expression.Differ(dim.Item, x[x.Length - parameter.Length + dim.Index])))
            {
                throw c.Mismatch($"{c.What(input)} {NodeContext.Show(parameter)} does not fit its input {NodeContext.Show(x)}");
            }
        }
    }
}
