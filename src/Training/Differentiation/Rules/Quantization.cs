using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>
/// Quantization as models with QuantizeLinear and DequantizeLinear have it. The gradient by a quantized value is that by its
/// level, taken for a real number: rounding lets the gradient straight through, and nothing passes where levels are clamped
/// (Bengio et al. 2013). Scales get the gradient of Esser et al. 2020, "Learned step size quantization".
/// </summary>
internal static class Quantization
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["QuantizeLinear"] = Quantize,
        ["com.microsoft:QuantizeLinear"] = Quantize,
        ["DequantizeLinear"] = Dequantize,
        ["com.microsoft:DequantizeLinear"] = Dequantize,
    };

    /// <summary>True for a value of levels, which is no floating-point number and has a gradient nevertheless.</summary>
    public static bool MakesLevels(Node node) => node.OpType == "QuantizeLinear";

    private static IEnumerable<Expr?> Quantize(GradientContext n)
    {
        var (min, max) = n.Output.Type switch
        {
            DataType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
            DataType.UInt8 => (byte.MinValue, byte.MaxValue),
            DataType.Int16 => (short.MinValue, short.MaxValue),
            DataType.UInt16 => (ushort.MinValue, ushort.MaxValue),
            DataType.Int4 => (-8, 7),
            DataType.UInt4 => (0, 15),
            var type => throw n.Unsupported($"it rounds to {type.DisplayName()}"),
        };
        var (x, scale) = (n[0], AlongAxis(n, n[1]).Cast(n[0].Type));
        var level = (x / scale).Round();
        level = n.Optional(2) is { } zero ? level + AlongAxis(n, zero).Cast(x.Type) : level;
        var gradient = n.Gradient.Cast(x.Type) * Elementwise.Step((level >= min) & (level <= max), x) / scale;
        yield return n.Wants(0) ? gradient : null;
        yield return n.Wants(1) ? -(gradient * x / scale).SumTo(scale.Dims).Reshape(n[1].Dims) : null;
    }

    private static IEnumerable<Expr?> Dequantize(GradientContext n)
    {
        var gradient = n.Gradient;
        var scale = AlongAxis(n, n[1]).Cast(gradient.Type);
        yield return n.Wants(0) ? gradient * scale : null;
        if (n.Wants(1))
        {
            var level = n[0].Cast(gradient.Type);
            level = n.Optional(2) is { } zero ? level - AlongAxis(n, zero).Cast(gradient.Type) : level;
            yield return (gradient * level).SumTo(scale.Dims).Reshape(n[1].Dims);
        }
    }

    /// <summary>Scales or zero points, one for all or one for each index of an axis, shaped to broadcast over the array.</summary>
    private static Expr AlongAxis(GradientContext n, Expr parameter)
    {
        if (parameter.Count == 1)
        {
            return parameter.Reshape();
        }

        var axis = n.Axis("axis", 1, n[0].Rank);
        return parameter.Rank == 1 && parameter.Count == n[0].Dims[axis] ? parameter.Reshape([-1, .. Enumerable.Repeat(1L, n[0].Rank - axis - 1)])
            : throw n.Unsupported("it has a scale for each block");
    }
}
