namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Sizes of what slides a window over spatial axes: convolution and pooling.</summary>
internal static class Windows
{
    /// <summary>The spatial dimensions of the output.</summary>
    /// <param name="c">The node, with the attributes strides, dilations, pads and auto_pad.</param>
    /// <param name="spatial">Spatial dimensions of the input.</param>
    /// <param name="kernel">Size of the window along each.</param>
    /// <param name="ceil">Whether a last, incomplete window counts.</param>
    public static Expression[] Output(NodeContext c, ReadOnlySpan<Expression> spatial, ReadOnlySpan<Expression> kernel, bool ceil = false)
    {
        var strides = PerAxis(c, "strides", spatial.Length, 1);
        var dilations = PerAxis(c, "dilations", spatial.Length, 1);
        var pads = PerAxis(c, "pads", 2 * spatial.Length, 0);
        var autoPad = c.Text("auto_pad", "NOTSET");
        var output = new Expression[spatial.Length];
        for (var axis = 0; axis < output.Length; axis++)
        {
            var stride = strides[axis] > 0 ? strides[axis] : throw c.Mismatch($"a stride cannot be {strides[axis]}");
            if (autoPad is "SAME_UPPER" or "SAME_LOWER")
            {
                output[axis] = Expression.CeilingDivide(spatial[axis], stride)!;
                continue;
            }

            var (before, after) = autoPad == "VALID" ? (0L, 0L) : (pads[axis], pads[axis + output.Length]);
            var extent = ((kernel[axis] - 1) * dilations[axis]) + 1;
            var room = spatial[axis] + (before + after) - extent;
            if (room.Number < 0)
            {
                throw c.Mismatch($"its window of {extent} does not fit into axis {axis + 2} of its input {NodeContext.Show(c.Dims(0))} with pads {before} and {after}");
            }

            output[axis] = Count(room, stride, ceil) + 1;
            if (ceil)
            {
                // A window that starts in the padding behind the input is ignored.
                output[axis] = Expression.Min(output[axis], Count(spatial[axis] + (before - 1), stride, false) + 1);
            }
        }

        return output;
    }

    /// <summary>The spatial dimensions of the output of a transposed convolution.</summary>
    public static Expression[] Transposed(NodeContext c, ReadOnlySpan<Expression> spatial, ReadOnlySpan<Expression> kernel)
    {
        if (c.Ints("output_shape") is { } shape && shape.Length >= spatial.Length)
        {
            // Some exporters list batch and channels too.
            return [.. shape[^spatial.Length..].Select(Expression.Of)];
        }

        var strides = PerAxis(c, "strides", spatial.Length, 1);
        var dilations = PerAxis(c, "dilations", spatial.Length, 1);
        var extra = PerAxis(c, "output_padding", spatial.Length, 0);
        var pads = PerAxis(c, "pads", 2 * spatial.Length, 0);
        var autoPad = c.Text("auto_pad", "NOTSET");
        var output = new Expression[spatial.Length];
        for (var axis = 0; axis < output.Length; axis++)
        {
            var pad = autoPad == "NOTSET" ? pads[axis] + pads[axis + output.Length] : 0;
            output[axis] = ((spatial[axis] - 1) * strides[axis]) + ((kernel[axis] - 1) * dilations[axis]) + (1 + extra[axis] - pad);
            if (autoPad is "SAME_UPPER" or "SAME_LOWER")
            {
                // Padding only takes away; a window smaller than its stride does not reach the size.
                output[axis] = Expression.Min(output[axis], spatial[axis] * strides[axis]);
            }
        }

        return output;
    }

    /// <summary>An attribute with one number per axis.</summary>
    public static long[] PerAxis(NodeContext c, string name, int count, long defaultValue)
    {
        var values = c.Ints(name);
        return values is null or [] ? [.. Enumerable.Repeat(defaultValue, count)]
            : values.Length == count ? values
            : throw c.Mismatch($"its attribute '{name}' has {values.Length} numbers, not {count}, for the input {NodeContext.Show(c.Dims(0))}");
    }

    private static Expression Count(Expression room, long stride, bool ceil) =>
        (ceil ? Expression.CeilingDivide(room, stride) : Expression.FloorDivide(room, stride))!;
}
