namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Resize and its forerunner Upsample.</summary>
internal static class Resizing
{
    /// <summary>Since version 11 the inputs are x, region, scales, sizes; in version 10 x and scales.</summary>
    public static void Resize(NodeContext c)
    {
        var (region, scales, sizes) = c.Opset < 11 ? (-1, 1, -1) : (1, 2, 3);
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            var axes = c.Ints("axes") is { } some ? c.Axes(some, x.Length) : [.. Enumerable.Range(0, x.Length)];
            dims = [.. x];
            if (sizes > 0 && c.Has(sizes) && c.Dims(sizes) is not [{ Number: 0 }])
            {
                BySizes(c, x, dims, axes, c.Elements(sizes));
            }
            else
            {
                var crop = region > 0 && c.Text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize";
                ByScales(c, dims, axes, Floats(c, scales), crop ? Floats(c, region) : null, crop);
            }
        }

        c.Set(0, c.Type(0), dims);
    }

    /// <summary>Scales are an input since version 9.</summary>
    public static void Upsample(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.Dims(0) is { } x)
        {
            dims = [.. x];
            ByScales(c, dims, [.. Enumerable.Range(0, x.Length)], c.Has(1) ? Floats(c, 1) : c.Floats("scales"), null, false);
        }

        c.Set(0, c.Type(0), dims);
    }

    private static void BySizes(NodeContext c, Expression[] x, Expression[] dims, int[] axes, Expression?[]? sizes)
    {
        if (sizes is not null && sizes.Length != axes.Length)
        {
            throw c.Mismatch($"its {sizes.Length} sizes do not fit its input {NodeContext.Show(x)}");
        }

        var policy = c.Text("keep_aspect_ratio_policy", "stretch");
        var ratios = axes.Select((axis, index) => sizes?[index]?.Number is { } size && x[axis].Number is { } from and > 0 ? (double?)size / from : null).ToArray();
        for (var index = 0; index < axes.Length; index++)
        {
            var axis = axes[index];
            if (policy == "stretch")
            {
                dims[axis] = sizes?[index] ?? c.Opaque(0, axis);
            }
            else
            {
                var scale = ratios.Contains(null) ? null : policy == "not_larger" ? ratios.Min() : ratios.Max();
                dims[axis] = scale is null ? c.Opaque(0, axis) : (long)Math.Floor((scale.Value * x[axis].Number!.Value) + 0.5);
            }
        }
    }

    private static void ByScales(NodeContext c, Expression[] dims, int[] axes, float[]? scales, float[]? region, bool crop)
    {
        if (scales is not null && scales.Length != axes.Length)
        {
            throw c.Mismatch($"its {scales.Length} scales do not fit its input {NodeContext.Show(dims)}");
        }

        for (var index = 0; index < axes.Length; index++)
        {
            var part = !crop ? 1f : region?.Length == 2 * axes.Length ? region[index + axes.Length] - region[index] : float.NaN;
            dims[axes[index]] = scales is null || float.IsNaN(part) ? c.Opaque(0, axes[index]) : Scaled(dims[axes[index]], scales[index] * part) ?? c.Opaque(0, axes[index]);
        }
    }

    /// <summary>The dimension times the scale, rounded down, in float32 as the runtime computes it; exact for scales such as 2 or 0.25 of a symbol.</summary>
    private static Expression? Scaled(Expression dim, float scale)
    {
        if (dim.Number is { } number)
        {
            return (long)(number * scale);
        }

        for (var denominator = 1; denominator <= 1024; denominator *= 2)
        {
            if (scale * denominator is var numerator && numerator == MathF.Truncate(numerator) && numerator is > 0 and < 1 << 20)
            {
                return Expression.FloorDivide(dim * (long)numerator, denominator);
            }
        }

        return null;
    }

    private static float[]? Floats(NodeContext c, int input) => c.Constant(input) is { } tensor && tensor.Type.IsFloat() ? tensor.ToFloats() : null;
}
