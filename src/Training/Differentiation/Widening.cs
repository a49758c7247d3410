using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation;

/// <summary>Rewrites a model that computes in float16 or bfloat16 so that it computes in float32. Inputs keep their types and are converted where they enter.</summary>
internal static class Widening
{
    /// <summary>Attributes that name the element type of an output.</summary>
    private static readonly string[] s_typeAttributes = ["to", "dtype", "output_dtype"];

    /// <summary>Whether a type is one that becomes float32.</summary>
    public static bool IsNarrow(DataType type) => type is DataType.Float16 or DataType.BFloat16;

    public static void Run(Model model)
    {
        foreach (var graph in model.Graph.AllGraphs().ToArray())
        {
            foreach (var value in graph.Values().Where(value => IsNarrow(value.ElementType)).ToArray())
            {
                if (value.Initializer is { } tensor)
                {
                    value.Initializer = Widen(tensor);
                }
                else if (value.IsGraphInput && graph.Owner is null)
                {
                    Convert(graph, value, DataType.Float);
                    continue;
                }

                if (value.TensorType is { } type)
                {
                    value.Type = type with { ElementType = DataType.Float };
                }
            }

            foreach (var node in graph.Nodes)
            {
                foreach (var attribute in node.Attributes.ToArray())
                {
                    Widen(node, attribute);
                }
            }
        }
    }

    /// <summary>Gives those who take a value a conversion of it.</summary>
    public static void Convert(Graph graph, Value value, DataType type)
    {
        if (value.IsUnused)
        {
            return;
        }

        var cast = new Value(graph.UniqueName($"{value.Name}_{type.DisplayName()}"), value.TensorType is { } declared ? declared with { ElementType = type } : null);
        value.ReplaceAllUses(cast);
        var node = new Node("Cast", [value], [cast], cast.Name, "", Attribute.Int("to", (long)type));
        if (graph.Nodes.Count > 0)
        {
            graph.InsertBefore(graph.Nodes[0], node);
        }
        else
        {
            graph.Add(node);
        }
    }

    private static Tensor Widen(Tensor tensor)
    {
        var result = Tensor.Floats([.. tensor.Dims], tensor.ToFloats());
        return new Tensor(DataType.Float, result.Dims, result.Data) { Name = tensor.Name };
    }

    private static void Widen(Node node, Attribute attribute)
    {
        if (attribute.Value is Tensor tensor && IsNarrow(tensor.Type))
        {
            node.SetAttribute(Attribute.Tensor(attribute.Name, Widen(tensor)));
        }
        else if (attribute.Value is long number && IsNarrow((DataType)number) && s_typeAttributes.Contains(attribute.Name))
        {
            node.SetAttribute(Attribute.Int(attribute.Name, (long)DataType.Float));
        }
    }
}
