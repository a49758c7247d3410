using CompressTool.Diffusion.Import.Weights;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>Normalisations.</summary>
internal static class Normalization
{
    /// <summary>
    /// Group normalisation (Wu and He 2018) of [batch, channels, height, width]. ONNX Runtime has no kernel of its own for it on the
    /// CPU; the groups are made the channels of an instance normalisation. They are stacked along the height, so that no size has to be
    /// known, and then scaled and shifted channel by channel.
    /// </summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The input.</param>
    /// <param name="groups">Number of groups.</param>
    /// <param name="epsilon">Added to the variance.</param>
    public static Expr GroupNorm(this Module m, Expr x, int groups, double epsilon)
    {
        using var scope = m.Enter();
        var channels = x.Size(1);
        var (weight, bias) = (m.Parameter("weight", Initialization.Ones, channels), m.Parameter("bias", Initialization.Zeros, channels));
        var normalized = m.Builder.Node("InstanceNormalization",
            [x.View(0, groups, -1, 0), Vector(m, groups, 1), Vector(m, groups, 0)], Attribute.Float("epsilon", (float)epsilon)).View(0, channels, -1, 0);
        return (normalized * weight.View(-1, 1, 1)) + bias.View(-1, 1, 1);
    }

    /// <summary>Layer normalisation (Ba et al. 2016) of the last axis.</summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The input.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="affine">Whether it scales and shifts by parameters.</param>
    public static Expr LayerNorm(this Module m, Expr x, double epsilon = 1e-5, bool affine = true)
    {
        using var scope = m.Enter();
        var width = x.Size(-1);
        Expr[] operands = affine ? [x, m.Parameter("weight", Initialization.Ones, width), m.Parameter("bias", Initialization.Zeros, width)] : [x, Vector(m, (int)width, 1)];
        return m.Builder.Node("LayerNormalization", operands, Attribute.Int("axis", -1), Attribute.Float("epsilon", (float)epsilon));
    }

    /// <summary>Normalisation by the root of the mean square (Zhang and Sennrich 2019) of the last axis.</summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The input.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    public static Expr RmsNorm(this Module m, Expr x, double epsilon)
    {
        using var scope = m.Enter();
        var square = m.Builder.Node("ReduceMean", [m.Builder.Node("Pow", [x, x.Number(2)])], Attribute.Ints("axes", -1), Attribute.Int("keepdims", 1));
        return x / (square + epsilon).Sqrt() * m.Parameter("weight", Initialization.Ones, x.Size(-1));
    }

    /// <summary>Layer normalisation without parameters, scaled by one more than a map of a condition, and shifted by another.</summary>
    /// <param name="m">The place of linear and norm.</param>
    /// <param name="x">The sequence, [batch, length, channels].</param>
    /// <param name="condition">The condition behind its activation, [batch, channels].</param>
    /// <param name="epsilon">Added to the variance.</param>
    public static Expr ConditionedNorm(this Module m, Expr x, Expr condition, double epsilon = 1e-6)
    {
        using var scope = m.Enter();
        var parts = m["linear"].Linear(condition, 2 * x.Size(-1)).Chunk(2, 1);
        return m["norm"].LayerNorm(x, epsilon, affine: false).Modulate(parts[0], parts[1]);
    }

    /// <summary>Multiplied with a gate of [batch, channels], of a sequence.</summary>
    public static Expr Gated(this Expr x, Expr gate) => gate.View(0, 1, -1) * x;

    /// <summary>Scaled by one more than <paramref name="scale"/> and shifted, both of [batch, channels], of a sequence.</summary>
    public static Expr Modulate(this Expr x, Expr scale, Expr shift) => (x * (1 + scale.View(0, 1, -1))) + shift.View(0, 1, -1);

    private static Expr Vector(Module m, int count, float number)
    {
        var numbers = new float[count];
        Array.Fill(numbers, number);
        return m.Builder.Constant(Tensor.Floats([count], numbers));
    }
}
