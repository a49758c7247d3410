using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Engine.Fusion;

/// <summary>Replaces x * sigmoid(x) by the runtime's operator for it, whose gradient is a kernel.</summary>
internal static class SiluFusion
{
    public static void Run(GraphBuilder builder)
    {
        foreach (var sigmoid in builder.Graph.Nodes.Where(node => node.Is("Sigmoid")).ToArray())
        {
            if (Product(sigmoid.Inputs[0]!, sigmoid) is { } product && sigmoid.Inputs[0]!.ElementType == DataType.Float)
            {
                Chain.Replace(builder, product, () => builder.Nodes("QuickGelu", GraphBuilder.Microsoft, 1, [builder.Of(sigmoid.Inputs[0]!)], Attribute.Float("alpha", 1))[0]);
            }
        }
    }

    /// <summary>The product of a value with its sigmoid, when that is needed for nothing else; null otherwise.</summary>
    public static Node? Product(Value x, Node sigmoid) =>
        Chain.OnlyUser(sigmoid.Outputs[0]!) is { } product && product.Is("Mul") && product.Inputs.Contains(x) ? product : null;
}
