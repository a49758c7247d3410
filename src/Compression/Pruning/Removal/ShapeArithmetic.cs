using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Removal;

/// <summary>
/// Numbers that a graph computes of shapes, such as the batch as the length of an axis of batch and heads divided by the number of heads:
/// what they will be, and what has to change in them.
/// </summary>
/// <param name="lengthAfter">The length of an axis of a value afterwards.</param>
internal sealed class ShapeArithmetic(Func<Value, int, int> lengthAfter)
{
    /// <summary>What an element of a value will be; null where that is not understood.</summary>
    public long? Evaluate(Value value, int element)
    {
        if (Layers.ConstantOf(value) is { } constant)
        {
            return !constant.Type.IsFloat() && IndexIn(constant.Count, element) is { } place ? constant.ToInt64s()[place] : null;
        }

        if (value.Producer is not { Domain: "" } node)
        {
            return null;
        }

        switch (node.OpType)
        {
            case "Shape":
                var axis = element + (int)node.GetInt("start", 0);
                return axis >= 0 && lengthAfter(node.Input(0)!, axis) is var length and >= 0 ? length : null;
            case "Identity" or "Cast" or "Unsqueeze" or "Squeeze" or "Reshape" or "Floor":
                return Evaluate(node.Input(0)!, element);
            case "Gather" when node.Input(1)?.ConstantTensor?.ToInt64s() is { } indices && IndexIn(indices.Length, element) is { } place && indices[place] >= 0:
                return Evaluate(node.Input(0)!, (int)indices[place]);
            case "Slice" when node.Input(1)?.ConstantTensor?.ToInt64s() is [>= 0 and var start] && (node.Input(4) is null || node.Input(4)!.ConstantTensor?.ToInt64s() is [1]):
                return Evaluate(node.Input(0)!, element + (int)start);
            case "Concat":
                foreach (var part in node.Inputs)
                {
                    if (CountOf(part!) is not { } count)
                    {
                        return null;
                    }

                    if (element < count)
                    {
                        return Evaluate(part!, element);
                    }

                    element -= count;
                }

                return null;
            case "Add" or "Sub" or "Mul" or "Div" when Evaluate(node.Input(0)!, element) is { } first && Evaluate(node.Input(1)!, element) is { } second:
                return node.OpType switch
                {
                    "Add" => first + second,
                    "Sub" => first - second,
                    "Mul" => first * second,
                    _ => second == 0 ? null : first / second,
                };
            default:
                return null;
        }
    }

    /// <summary>The same computation with another number in it, so that it gives what is wanted for all sizes; null where no product or quotient is found.</summary>
    /// <param name="value">One computed number.</param>
    /// <param name="wanted">What it has to be.</param>
    /// <param name="before">New nodes are put before this one.</param>
    public Value? Repaired(Value value, long wanted, Node before)
    {
        if (value.Producer is not { Domain: "" } node)
        {
            return null;
        }

        switch (node.OpType)
        {
            case "Identity" or "Cast" or "Unsqueeze" or "Squeeze" or "Reshape" or "Floor":
                return Repaired(node.Input(0)!, wanted, before) is { } inner ? Copy(node, 0, inner, before) : null;
            case "Mul" or "Div":
                var place = Layers.ConstantOf(node.Input(1)!) is not null ? 1 : node.OpType == "Mul" && Layers.ConstantOf(node.Input(0)!) is not null ? 0 : -1;
                if (place < 0 || wanted == 0 || Evaluate(node.Input(1 - place)!, 0) is not { } number || number == 0 || Layers.ConstantOf(node.Input(place)!)!.Type.IsFloat())
                {
                    return null;
                }

                var (whole, part) = node.OpType == "Mul" ? (wanted, number) : (number, wanted);
                if (whole % part != 0)
                {
                    return null;
                }

                var tensor = Layers.ConstantOf(node.Input(place)!)!.Dims.Count == 0 ? Tensor.Int64(whole / part) : Tensor.Int64s(whole / part);
                var constant = before.Graph!.AddNode(before, "Constant", "number", [], new TensorType(tensor.Type, Shape.Of(tensor.Dims)), "", Onnx.Attribute.Tensor("value", tensor));
                return Copy(node, place, constant, before);
            default:
                return null;
        }
    }

    private static Value Copy(Node node, int place, Value input, Node before)
    {
        var inputs = node.Inputs.ToArray();
        inputs[place] = input;
        return before.Graph!.AddNode(before, node.OpType, $"{node.Name}_pruned", inputs, node.Output(0)!.Type, "", node.Attributes);
    }

    /// <summary>A single number serves all elements.</summary>
    private static int? IndexIn(long count, int element) => count == 1 ? 0 : element < count ? element : null;

    private static int? CountOf(Value value) => Layers.ConstantOf(value) is { } tensor ? (int)tensor.Count
        : value.Shape is { Count: 1 } shape && shape[0].Value is { } count ? (int)count
        : value.Producer is { OpType: "Unsqueeze", Domain: "" } ? 1 : null;
}
