using CompressTool.Onnx;

namespace CompressTool.Diffusion.Sampling;

/// <summary>
/// Lets a model take timesteps between two whole ones. Graphs often have an input of whole numbers, since trainings have no
/// others, and only cast it; diffusers gives its models the fractions that samplers such as Euler's ask for all the same. With
/// the input declared as float32 the graph computes the same for whole numbers, and what diffusers does for others.
/// </summary>
public static class FractionalTimesteps
{
    /// <summary>What only changes the shape of timesteps.</summary>
    private static readonly string[] s_shapeOnly = ["Reshape", "Unsqueeze", "Squeeze", "Expand", "Flatten", "Identity"];

    /// <summary>Changes the type of the timesteps of a model, if they are whole and the graph does nothing with them but casting them to floating-point numbers.</summary>
    /// <param name="model">The model, which is changed.</param>
    /// <param name="name">The input; one that there is not changes nothing.</param>
    /// <returns>Whether the model was changed.</returns>
    public static bool Allow(Model model, string name)
    {
        var input = model.Graph.Inputs.FirstOrDefault(value => value.Name == name);
        if (input?.ElementType is not (DataType.Int64 or DataType.Int32) || input.Initializer is not null)
        {
            return false;
        }

        var (found, factors) = (new List<Value>(), new List<Use>());
        if (!Collect(input, found, factors))
        {
            return false;
        }

        foreach (var value in found.Where(value => value.TensorType is not null))
        {
            value.Type = new TensorType(DataType.Float, value.Shape);
        }

        foreach (var (node, index) in factors)
        {
            var factor = node.Inputs[index]!;
            var cast = model.Graph.AddNode(node, "Cast", factor.Name + "/float", [factor], new TensorType(DataType.Float, factor.Shape), attributes: Onnx.Attribute.Int("to", (long)DataType.Float));
            node.SetInput(index, cast);
        }

        return true;
    }

    /// <summary>Collects a value and what it becomes before it is cast, and what it is multiplied with on the way; false when anything else is done with it.</summary>
    private static bool Collect(Value value, List<Value> found, List<Use> factors)
    {
        found.Add(value);
        return !value.IsGraphOutput && value.Uses.All(use =>
        {
            if (use.Node.Is("Cast"))
            {
                return (DataType)use.Node.GetInt("to", 0) is DataType.Float or DataType.Float16 or DataType.Double;
            }

            // PyTorch repeats timesteps for a batch by multiplying with as many ones.
            if (use.Node.Is("Mul") && use.Node.Inputs[1 - use.Index] is { } factor && factor != value)
            {
                factors.Add(new Use(use.Node, 1 - use.Index));
            }
            else if (use.Index > 0 || !s_shapeOnly.Any(type => use.Node.Is(type)))
            {
                return false;
            }

            return use.Node.Graph == value.Graph && Collect(use.Node.Outputs[0]!, found, factors);
        });
    }
}
