using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using CompressTool.Training.Kernels;

namespace CompressTool.Training.Engine.Fusion;

/// <summary>Replaces QuantizeLinear and DequantizeLinear with one constant scale, which belong together, by a kernel whose gradient is one as well: ten passes over the values otherwise.</summary>
internal static class FakeQuantizationFusion
{
    public static void Run(GraphBuilder builder)
    {
        foreach (var quantize in builder.Graph.Nodes.Where(node => node.OpType == "QuantizeLinear" && node.Inputs[0]!.ElementType == DataType.Float).ToArray())
        {
            if (Chain.OnlyUser(quantize.Outputs[0]!) is { OpType: "DequantizeLinear" } dequantize && dequantize.Inputs[1] == quantize.Inputs[1] && dequantize.Input(2) == quantize.Input(2)
                && RangeOf(quantize) is { } range)
            {
                var x = quantize.Inputs[0]!;
                Chain.Replace(builder, dequantize, () => builder.Kernel(nameof(FakeQuantize), [x.Type], [builder.Of(x)], range.Attributes)[0]);
            }
        }
    }

    private static FakeQuantizeRange? RangeOf(Node quantize)
    {
        if (quantize.Inputs[1]!.ConstantTensor is not { Type: DataType.Float, Count: 1 } scale || quantize.Input(2)?.ConstantTensor is not { Count: 1 } zeroPoint)
        {
            return null;
        }

        var zero = zeroPoint.ToInt64s()[0];
        (long Lowest, long Highest)? integers = zeroPoint.Type switch
        {
            DataType.UInt8 => (byte.MinValue, byte.MaxValue),
            DataType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
            DataType.UInt16 => (ushort.MinValue, ushort.MaxValue),
            DataType.Int16 => (short.MinValue, short.MaxValue),
            _ => null,
        };
        return integers is { } range ? new FakeQuantizeRange(scale.ToFloats()[0], range.Lowest - zero, range.Highest - zero) : null;
    }
}
