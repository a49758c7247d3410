using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Decompositions;

/// <summary>Operators that ONNX Runtime's optimizer makes of a product and what follows it.</summary>
internal static class FusedForms
{
    public static readonly Dictionary<string, Decomposition> All = new()
    {
        ["com.microsoft:FusedConv"] = n => [Conv(n)],
        ["com.microsoft:FusedGemm"] = n => [Gemm(n)],
        ["com.microsoft:BiasAdd"] = n => [n[0] + n[1] + n[2]],
        ["com.microsoft:BiasSplitGelu"] = n => [SplitGelu(n)],
    };

    /// <summary>A convolution, an array added to it (input 3), and an activation.</summary>
    private static Expr Conv(OperatorContext n)
    {
        var result = n.Builder.Node("Conv", [n[0], n[1], n.Optional(2)], n.Node.Attributes.Where(attribute => !attribute.Name.StartsWith("activation", StringComparison.Ordinal)));
        result = n.Optional(3) is { } other ? result + other : result;
        var parameters = n.Node.GetFloats("activation_params") ?? [];
        return Activate(n, result, parameter => parameter < parameters.Count ? parameters[parameter] : null);
    }

    private static Expr Gemm(OperatorContext n)
    {
        var result = n.Builder.Node("Gemm", [n[0], n[1], n.Optional(2)], n.Node.Attributes.Where(attribute => !attribute.Name.StartsWith("activation", StringComparison.Ordinal)));
        string[] names = ["activation_alpha", "activation_beta", "activation_gamma"];
        return Activate(n, result, parameter => n.Node.Attribute(names[parameter]) is null ? null : (float)n.Float(names[parameter], 0));
    }

    /// <summary>One half times the Gelu of the other.</summary>
    private static Expr SplitGelu(OperatorContext n)
    {
        var sum = n[0] + n[1];
        var half = sum.Dims[2] / 2;
        var gate = sum.Slice(2, half, 2 * half);
        return sum.Slice(2, 0, half) * gate * (((gate * Math.Sqrt(0.5)).Erf() + 1) * 0.5);
    }

    private static Expr Activate(OperatorContext n, Expr x, Func<int, float?> parameter)
    {
        IEnumerable<Attribute> Named(params IEnumerable<string> names) =>
            names.Index().Where(name => parameter(name.Index) is not null).Select(name => Attribute.Float(name.Item, parameter(name.Index)!.Value));
        return n.Text("activation", "") switch
        {
            "" => x,
            "Clip" => x.Clip(parameter(0) ?? float.MinValue, parameter(1) ?? float.MaxValue),
            "Selu" => n.Builder.Node("Selu", [x], Named("alpha", "gamma")),
            var name and ("Relu" or "Tanh" or "Sigmoid" or "Softplus" or "Softsign") => n.Builder.Node(name, [x]),
            var name and ("LeakyRelu" or "HardSigmoid" or "Elu" or "ThresholdedRelu") => n.Builder.Node(name, [x], Named("alpha", "beta")),
            var name => throw n.Unsupported($"the activation '{name}'"),
        };
    }
}
