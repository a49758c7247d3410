using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Removal;

/// <summary>Corrects the inputs by which nodes are told a shape, where the numbers in them are those of the model before.</summary>
/// <param name="lengthAfter">The length of an axis of a value afterwards.</param>
internal sealed class ShapeTarget(Func<Value, int, int> lengthAfter)
{
    /// <summary>Corrects a shape input.</summary>
    /// <param name="node">The node.</param>
    /// <param name="input">Which input is the shape.</param>
    /// <param name="before">The shape that it means.</param>
    /// <param name="after">The shape that it has to mean.</param>
    /// <param name="keepsOpen">Whether 0 and -1 in it have a meaning of their own and may stay.</param>
    public void Correct(Node node, int input, IReadOnlyList<int> before, IReadOnlyList<int> after, bool keepsOpen)
    {
        if (before.SequenceEqual(after) || node.Input(input) is not { } target)
        {
            return;
        }

        if (Layers.ConstantOf(target) is { } constant)
        {
            var numbers = constant.ToInt64s();
            var changed = numbers.Select((number, axis) => before[axis] == after[axis] || (keepsOpen && number is 0 or -1) ? number : after[axis]).ToArray();
            if (!numbers.SequenceEqual(changed))
            {
                node.SetInput(input, NewConstant(node, changed));
            }

            return;
        }

        var wrong = Enumerable.Range(0, before.Count).Where(axis => before[axis] != after[axis] && !Follows(target, axis, after[axis])).ToArray();
        if (wrong.Length == 0)
        {
            return;
        }

        if (target.Producer is { OpType: "Concat", Domain: "" } concat && target.Uses.Count == 1 && concat.Inputs.Count == before.Count)
        {
            foreach (var axis in wrong)
            {
                concat.SetInput(axis, NewConstant(concat, [after[axis]]));
            }

            return;
        }

        // Computed numbers stay where they are right; the others are put in their places.
        var graph = node.Graph!;
        var isWrong = graph.AddNode(node, "Constant", "is_wrong", [], null, "", Onnx.Attribute.Tensor("value",
            Tensor.Create<byte>(DataType.Bool, [before.Count], [.. Enumerable.Range(0, before.Count).Select(axis => (byte)(wrong.Contains(axis) ? 1 : 0))])));
        var right = NewConstant(node, [.. after.Select(length => (long)length)]);
        node.SetInput(input, graph.AddNode(node, "Where", $"{target.Name}_pruned", [isWrong, right, target], target.Type));
    }

    /// <summary>A new constant before a node.</summary>
    public static Value NewConstant(Node before, params long[] numbers)
    {
        var tensor = Tensor.Int64s(numbers);
        return before.Graph!.AddNode(before, "Constant", "shape", [], new TensorType(tensor.Type, Shape.Of(tensor.Dims)), "", Onnx.Attribute.Tensor("value", tensor));
    }

    /// <summary>Whether an element of a shape is read from a value that has the right length by itself.</summary>
    private bool Follows(Value shape, int element, int wanted)
    {
        while (shape.Producer is { Domain: "" } node)
        {
            switch (node.OpType)
            {
                case "Shape":
                    var axis = element + (int)node.GetInt("start", 0);
                    return axis >= 0 && lengthAfter(node.Input(0)!, axis) == wanted;
                case "Identity" or "Cast" or "Unsqueeze" or "Squeeze" or "Reshape":
                    shape = node.Input(0)!;
                    break;
                case "Gather" when node.Input(1)?.ConstantTensor?.ToInt64s() is { } indices && element < indices.Length:
                    (shape, element) = (node.Input(0)!, (int)indices[element]);
                    break;
                case "Slice" when node.Input(1)?.ConstantTensor?.ToInt64s() is [>= 0 and var start] && (node.Input(4) is null || node.Input(4)!.ConstantTensor?.ToInt64s() is [1]):
                    (shape, element) = (node.Input(0)!, element + (int)start);
                    break;
                case "Concat":
                    var place = 0;
                    while (place < node.Inputs.Count && CountOf(node.Input(place)!) is { } count && element >= count)
                    {
                        element -= count;
                        place++;
                    }

                    if (place >= node.Inputs.Count || CountOf(node.Input(place)!) is null)
                    {
                        return false;
                    }

                    shape = node.Input(place)!;
                    break;
                default:
                    return false;
            }

            if (element < 0)
            {
                return false;
            }
        }

        return false;
    }

    private static int? CountOf(Value value) => Layers.ConstantOf(value) is { } tensor ? (int)tensor.Count
        : value.Shape is { Count: 1 } shape && shape[0].Value is { } count ? (int)count
        : value.Producer is { OpType: "Unsqueeze", Domain: "" } ? 1 : null;
}
