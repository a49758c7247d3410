using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>Normalisations. Their scales are spread around 1 so that a wrong channel shows.</summary>
internal static class Normalization
{
    private const double ScaleDeviation = 0.2;
    private const double BiasDeviation = 0.1;

    /// <summary>BatchNorm2d in evaluation, with running variances around a number: larger ones keep residual sums from growing.</summary>
    public static Value BatchNorm2d(this Module m, Value x, double variance = 2)
    {
        var channels = x.Shape![1].Value!.Value;
        return m.Node("BatchNormalization",
            [x, m.Scale(channels), m.Bias(channels), m.Parameter("running_mean", 0, BiasDeviation, channels), m.Parameter("running_var", name => RandomTensors.Uniform(name, 0.5 * variance, 1.5 * variance, channels))],
            Attribute.Float("epsilon", 1e-5f), Attribute.Float("momentum", 0.9f), Attribute.Int("training_mode", 0));
    }

    /// <summary>LayerNorm over the last axis: an operator from opset 17 on, decomposed before.</summary>
    public static Value LayerNorm(this Module m, Value x, double epsilon = 1e-5, bool affine = true)
    {
        var channels = x.Shape![^1].Value!.Value;
        if (m.Graph.Model.Opset >= 17)
        {
            // Without parameters the exporter makes a scale of ones, which the operator asks for.
            Value[] parameters = affine ? [m.Scale(channels), m.Bias(channels)] : [m.Constant(Ones([channels]))];
            return m.Node("LayerNormalization", [x, .. parameters], Attribute.Int("axis", -1), Attribute.Float("epsilon", (float)epsilon));
        }

        var normalised = m.Standardise(x, -1, epsilon);
        return affine ? m.Add(m.Mul(normalised, m.Scale(channels)), m.Bias(channels)) : normalised;
    }

    /// <summary>ConvNeXt's LayerNorm over the channels of [batch, channels, height, width], written by hand in its code.</summary>
    public static Value LayerNormChannelsFirst(this Module m, Value x, double epsilon = 1e-6)
    {
        var channels = x.Shape![1].Value!.Value;
        var normalised = m.Standardise(x, 1, epsilon);
        return m.Add(m.Mul(m.FoldedScale(channels), normalised), m.FoldedBias(channels));
    }

    /// <summary>GroupNorm of [batch, channels, height, width], which has no operator before opset 18: groups become the channels of an InstanceNormalization.</summary>
    public static Value GroupNorm(this Module m, Value x, long groups, double epsilon = 1e-5)
    {
        var channels = x.Shape![1].Value!.Value;
        var stacked = m.Reshape(x, 0, groups, -1);
        var (ones, zeros) = (m.Constant(Ones([groups])), m.Constant(Tensor.Floats([groups], new float[groups])));
        var normalised = m.Node("InstanceNormalization", [stacked, ones, zeros], Attribute.Float("epsilon", (float)epsilon));
        var shape = m.Graph.IsDynamic ? m.Node("Shape", [x]) : m.List(m.Shape(x));
        var restored = m.Node("Reshape", [normalised, shape], Attribute.Int("allowzero", 0));
        return m.Add(m.Mul(restored, m.FoldedScale(channels)), m.FoldedBias(channels));
    }

    /// <summary>LlamaRMSNorm.</summary>
    public static Value RmsNorm(this Module m, Value x, double epsilon = 1e-6)
    {
        var variance = m.Mean(m.Pow(x, 2), true, -1);
        var root = m.Sqrt(m.Add(variance, epsilon));
        return m.Mul(m.Scale(x.Shape![^1].Value!.Value), m.Mul(x, m.Div(m.Constant(1), root)));
    }

    /// <summary>The parameter "weight" of a normalisation.</summary>
    public static Value Scale(this Module m, long channels) => m.Parameter("weight", 1, ScaleDeviation, channels);

    private static Value FoldedScale(this Module m, long channels) => m.Folded("Mul", "weight", name => RandomTensors.Normal(name, 1, ScaleDeviation, channels, 1, 1));

    private static Value FoldedBias(this Module m, long channels) => m.Folded("Add", "bias", name => RandomTensors.Normal(name, 0, BiasDeviation, channels, 1, 1));

    private static Value Standardise(this Module m, Value x, long axis, double epsilon)
    {
        var centred = m.Sub(x, m.Mean(x, true, axis));
        var variance = m.Mean(m.Pow(centred, 2), true, axis);
        return m.Div(centred, m.Sqrt(m.Add(variance, epsilon)));
    }

    private static Tensor Ones(long[] dims)
    {
        var ones = new float[dims[0]];
        Array.Fill(ones, 1);
        return Tensor.Floats(dims, ones);
    }
}
