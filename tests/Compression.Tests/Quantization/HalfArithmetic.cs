using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>
/// What a device with float16 arithmetic computes, on one without: ONNX Runtime's CPU runs float16 nodes in float32 and keeps
/// float32 between them, which hides overflow and rounding.
/// </summary>
internal static class HalfArithmetic
{
    /// <summary>Turns a float16 model into a float32 one that rounds the result of every node to float16.</summary>
    public static void Emulate(Model model)
    {
        var types = ShapeInference.Analyze(model);
        var halves = model.Graph.AllGraphs().SelectMany(graph => graph.Values()).Where(value => (value.Initializer?.Type ?? types.TypeOf(value)?.ElementType) == DataType.Float16).ToList();
        foreach (var value in halves)
        {
            if (value.TensorType is { } type)
            {
                value.Type = type with { ElementType = DataType.Float };
            }

            if (value.Initializer is { } tensor)
            {
                value.Initializer = Tensor.Floats(tensor.Dims, tensor.ToFloats());
                continue;
            }

            if (value.Producer is not { } node)
            {
                continue;
            }

            if (node.OpType is "Constant" or "ConstantOfShape")
            {
                var constant = node.GetTensor("value")!;
                node.SetAttribute(Attribute.Tensor("value", Tensor.Floats(constant.Dims, constant.ToFloats())));
                continue;
            }

            if (node.OpType == "Cast")
            {
                node.SetAttribute(Attribute.Int("to", (long)DataType.Float));
            }

            var graph = node.Graph!;
            var down = new Node("Cast", [value], [new Value(graph.UniqueName(value.Name + "_rounded"))], "", "", Attribute.Int("to", (long)DataType.Float16));
            var up = new Node("Cast", down.Outputs, [new Value(graph.UniqueName(value.Name + "_widened"), value.Type)], "", "", Attribute.Int("to", (long)DataType.Float));
            graph.InsertAfter(node, down);
            graph.InsertAfter(down, up);
            value.ReplaceAllUses(up.Output(0)!, except: down);
        }
    }
}
