using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>What the residual blocks of a network have in common.</summary>
/// <param name="Groups">Groups of the normalisations.</param>
/// <param name="Epsilon">Of the normalisations.</param>
/// <param name="Activation">The activation.</param>
/// <param name="ScaleShift">Whether the time embedding scales and shifts the second normalisation, or is added before it.</param>
/// <param name="OutputScale">What the sum is divided by.</param>
/// <param name="SkipTimeActivation">Whether the time embedding is taken without activation.</param>
internal sealed record ResnetOptions(int Groups, double Epsilon, string Activation, bool ScaleShift = false, double OutputScale = 1, bool SkipTimeActivation = false);

/// <summary>The embedding of the timestep, and the same behind the activation, which all blocks share.</summary>
internal sealed record TimeEmbedding(Expr Plain, Expr Activated);

/// <summary>Whether a residual block halves or doubles height and width on its way.</summary>
internal enum Resampling
{
    None,
    Down,
    Up,
}

/// <summary>Residual blocks (He et al. 2016) with group normalisation in front of each convolution, and the changes of size around them.</summary>
internal static class ResnetBlock
{
    /// <summary>Two convolutions beside a shortcut.</summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The input.</param>
    /// <param name="channels">Output channels.</param>
    /// <param name="time">The time embedding; null for a block without.</param>
    /// <param name="o">Its options.</param>
    /// <param name="resampling">Change of size.</param>
    public static Expr Resnet(this Module m, Expr x, long channels, TimeEmbedding? time, ResnetOptions o, Resampling resampling = Resampling.None)
    {
        using var scope = m.Enter();
        var h = m["norm1"].GroupNorm(x, o.Groups, o.Epsilon).Activation(o.Activation);
        if (resampling != Resampling.None)
        {
            (x, h) = (Resample(x, resampling), Resample(h, resampling));
        }

        h = m["conv1"].Conv2d(h, channels);
        if (time is null)
        {
            h = m["norm2"].GroupNorm(h, o.Groups, o.Epsilon);
        }
        else
        {
            var projected = m["time_emb_proj"].Linear(o.SkipTimeActivation ? time.Plain : time.Activated, o.ScaleShift ? 2 * channels : channels).View(0, -1, 1, 1);
            if (o.ScaleShift)
            {
                var parts = projected.Chunk(2, 1);
                h = (m["norm2"].GroupNorm(h, o.Groups, o.Epsilon) * (1 + parts[0])) + parts[1];
            }
            else
            {
                h = m["norm2"].GroupNorm(h + projected, o.Groups, o.Epsilon);
            }
        }

        h = m["conv2"].Conv2d(h.Activation(o.Activation), channels);
        var shortcut = x.Size(1) == channels ? x : m["conv_shortcut"].Conv2d(x, channels, kernel: 1, padding: 0);
        return o.OutputScale == 1 ? shortcut + h : (shortcut + h) / o.OutputScale;
    }

    /// <summary>Halves height and width by a convolution.</summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The input.</param>
    /// <param name="channels">Output channels.</param>
    /// <param name="padding">Zeros on each side; 0 means one at the bottom and one at the right.</param>
    public static Expr Downsample(this Module m, Expr x, long channels, int padding) =>
        padding == 0 ? m["conv"].Conv2d(x, channels, stride: 2, padding: 0, extra: 1) : m["conv"].Conv2d(x, channels, stride: 2, padding: padding);

    /// <summary>Doubles height and width, and smooths the result by a convolution.</summary>
    public static Expr Upsample(this Module m, Expr x, long channels)
    {
        using var scope = m.Enter();
        return m["conv"].Conv2d(Resample(x, Resampling.Up), channels);
    }

    /// <summary>Doubles by repetition, or halves by means of 2x2 (in the names of the present place).</summary>
    private static Expr Resample(Expr x, Resampling resampling) => resampling == Resampling.Down
        ? x.Builder.Node("AveragePool", [x], Onnx.Attribute.Ints("kernel_shape", 2, 2), Onnx.Attribute.Ints("strides", 2, 2))
        : x.Builder.Node("Resize", [x, null, x.Builder.Constant(Onnx.Tensor.Floats([4], 1, 1, 2, 2))],
            Onnx.Attribute.String("mode", "nearest"), Onnx.Attribute.String("coordinate_transformation_mode", "asymmetric"), Onnx.Attribute.String("nearest_mode", "floor"));
}
