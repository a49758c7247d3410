using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Training.Expressions;
using CompressTool.Training.Kernels;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Operators of our own, which have operators of our own as gradients.</summary>
internal static class Fused
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        [$"{CustomOperator.Domain}:{nameof(GroupNormSilu)}"] = GroupNorm,
        [$"{CustomOperator.Domain}:{nameof(FakeQuantize)}"] = n => n.Builder.Kernel(nameof(FakeQuantizeGrad), [n[0].Value.Type], [n.Gradient, n[0]], n.Node.Attributes),
    };

    private static IEnumerable<Expr?> GroupNorm(GradientContext n)
    {
        var parameters = new TensorType(DataType.Float, Shape.Of(n[1].Dims));
        return n.Builder.Kernel(nameof(GroupNormSiluGrad), [n[0].Value.Type, parameters, parameters], [n.Gradient, n[0], n[1], n[2], n.OutputAt(1), n.OutputAt(2)],
            n.Node.Attributes.Where(attribute => attribute.Name != "epsilon"));
    }
}
