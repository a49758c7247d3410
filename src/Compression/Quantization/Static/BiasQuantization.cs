using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// Biases in 32-bit integers, in multiples of the product of the scales of activation and weight as they are stored (float32): only then does the
/// runtime add them to its sums of products.
/// </summary>
internal static class BiasQuantization
{
    /// <summary>A little more than what 32 bits hold, so that rounding of the scales leaves no bias outside.</summary>
    private const double Margin = 1.0001;

    /// <summary>The smallest scale of a weight in units of the magnitude of its bias over the scale of the activation.</summary>
    public const double SmallestRatio = Margin * 2 / (4294967296.0 - 2);

    /// <summary>The smallest scale that a weight may have for its bias to fit.</summary>
    /// <param name="bias">The bias of the channel.</param>
    /// <param name="activationScale">The scale of the activation.</param>
    public static float SmallestWeightScale(float bias, float activationScale) =>
        (float)(SmallestRatio * Math.Abs((double)bias) / activationScale);

    /// <summary>The scale of a bias.</summary>
    public static float Scale(float activationScale, float weightScale) => activationScale * weightScale;

    /// <summary>The integer that stands for a bias.</summary>
    public static int Quantize(float bias, float scale) => (int)Math.Clamp(Math.Round(bias / (double)scale, MidpointRounding.ToEven), int.MinValue, int.MaxValue);

    /// <summary>Integers and scales of a bias.</summary>
    /// <param name="bias">The bias: one number for each channel.</param>
    /// <param name="activationScale">The scale of the activation.</param>
    /// <param name="weightScales">One scale of the weight, or one for each channel.</param>
    public static (Tensor Integers, Tensor Scales, Tensor ZeroPoints) Quantize(float[] bias, float activationScale, IReadOnlyList<float> weightScales)
    {
        float[] scales = [.. weightScales.Select(scale => Scale(activationScale, scale))];
        var integers = bias.Select((number, channel) => Quantize(number, scales[scales.Length == 1 ? 0 : channel])).ToArray();
        return scales.Length == 1
            ? (Tensor.Create<int>(DataType.Int32, [bias.Length], integers), Tensor.Float(scales[0]), Tensor.Create<int>(DataType.Int32, [], [0]))
            : (Tensor.Create<int>(DataType.Int32, [bias.Length], integers), Tensor.Floats([scales.Length], scales), Tensor.Create<int>(DataType.Int32, [scales.Length], new int[scales.Length]));
    }
}
