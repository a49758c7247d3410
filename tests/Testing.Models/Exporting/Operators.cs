using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>Operators without parameters, as the exporter writes PyTorch's functions.</summary>
internal static class Operators
{
    public static Value Add(this Module m, Value a, Value b) => m.Node("Add", [a, b]);

    public static Value Add(this Module m, Value a, double b) => m.Node("Add", [a, m.Constant(b)]);

    public static Value Sub(this Module m, Value a, Value b) => m.Node("Sub", [a, b]);

    public static Value Mul(this Module m, Value a, Value b) => m.Node("Mul", [a, b]);

    public static Value Mul(this Module m, Value a, double b) => m.Node("Mul", [a, m.Constant(b)]);

    public static Value Div(this Module m, Value a, Value b) => m.Node("Div", [a, b]);

    public static Value Div(this Module m, Value a, double b) => m.Node("Div", [a, m.Constant(b)]);

    public static Value Pow(this Module m, Value a, double b) => m.Node("Pow", [a, m.Constant(b)]);

    public static Value Sqrt(this Module m, Value x) => m.Node("Sqrt", [x]);

    public static Value Neg(this Module m, Value x) => m.Node("Neg", [x]);

    public static Value Cast(this Module m, Value x, DataType type) => m.Node("Cast", [x], Attribute.Int("to", (int)type));

    public static Value MatMul(this Module m, Value a, Value b) => m.Node("MatMul", [a, b]);

    public static Value Relu(this Module m, Value x) => m.Node("Relu", [x]);

    public static Value Tanh(this Module m, Value x) => m.Node("Tanh", [x]);

    public static Value Relu6(this Module m, Value x) => m.Node("Clip", [x, m.Constant(0), m.Constant(6)]);

    public static Value Silu(this Module m, Value x) => m.Mul(x, m.Node("Sigmoid", [x]));

    public static Value HardSwish(this Module m, Value x) => m.Node("HardSwish", [x]);

    public static Value HardSigmoid(this Module m, Value x) => m.Node("HardSigmoid", [x], Attribute.Float("alpha", 1 / 6f));

    /// <summary>The exact gaussian error linear unit.</summary>
    public static Value Gelu(this Module m, Value x)
    {
        var erf = m.Add(m.Node("Erf", [m.Div(x, Math.Sqrt(2))]), 1);
        return m.Mul(m.Mul(x, erf), 0.5);
    }

    /// <summary>The gaussian error linear unit by tanh, as GPT-2's code writes it.</summary>
    public static Value NewGelu(this Module m, Value x)
    {
        var half = m.Mul(x, 0.5);
        var inner = m.Mul(m.Add(x, m.Mul(m.Pow(x, 3), 0.044715)), Math.Sqrt(2 / Math.PI));
        return m.Mul(half, m.Add(m.Tanh(inner), 1));
    }

    public static Value Softmax(this Module m, Value x) => m.Node("Softmax", [x], Attribute.Int("axis", -1));

    public static Value Transpose(this Module m, Value x, params long[] axes) => m.Node("Transpose", [x], Attribute.Ints("perm", axes));

    public static Value Concat(this Module m, int axis, params Value[] parts) => m.Node("Concat", parts, Attribute.Int("axis", axis));

    public static Value Unsqueeze(this Module m, Value x, long axis) => m.Node("Unsqueeze", [x, m.Constant(Tensor.Int64s(axis))]);

    public static Value Squeeze(this Module m, Value x, long axis) => m.Node("Squeeze", [x, m.Constant(Tensor.Int64s(axis))]);

    /// <summary>x[index] along an axis, which goes away.</summary>
    public static Value Select(this Module m, Value x, int axis, long index) => m.Node("Gather", [x, m.Constant(Tensor.Int64(index))], Attribute.Int("axis", axis));

    /// <summary>x.mean(axes).</summary>
    public static Value Mean(this Module m, Value x, bool keep, params long[] axes) =>
        m.Node("ReduceMean", [x], Attribute.Ints("axes", axes), Attribute.Int("keepdims", keep ? 1 : 0));

    /// <summary>x.flatten(1).</summary>
    public static Value Flatten(this Module m, Value x) => m.Node("Flatten", [x], Attribute.Int("axis", 1));

    /// <summary>AdaptiveAvgPool2d(1).</summary>
    public static Value GlobalAveragePool(this Module m, Value x) => m.Node("GlobalAveragePool", [x]);

    public static Value MaxPool2d(this Module m, Value x, long kernel, long stride, long padding = 0) => m.Node("MaxPool", [x], Attribute.Int("ceil_mode", 0),
        Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("pads", padding, padding, padding, padding), Attribute.Ints("strides", stride, stride));

    public static Value AvgPool2d(this Module m, Value x, long kernel) => m.Node("AveragePool", [x], Attribute.Int("ceil_mode", 0), Attribute.Int("count_include_pad", 1),
        Attribute.Ints("kernel_shape", kernel, kernel), Attribute.Ints("pads", 0, 0, 0, 0), Attribute.Ints("strides", kernel, kernel));

    /// <summary>F.interpolate(x, scale_factor=2) by nearest neighbours.</summary>
    public static Value UpsampleNearest(this Module m, Value x) => m.Node("Resize", [x, null, m.Constant(Tensor.Floats([4], 1, 1, 2, 2))],
        Attribute.String("coordinate_transformation_mode", "asymmetric"), Attribute.Float("cubic_coeff_a", -0.75f), Attribute.String("mode", "nearest"), Attribute.String("nearest_mode", "floor"));
}
