using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Removal;

/// <summary>Corrects the inputs by which nodes are told a shape, where the numbers in them are those of the model before.</summary>
/// <param name="lengthAfter">The length of an axis of a value afterwards.</param>
internal sealed class ShapeTarget(Func<Value, int, int> lengthAfter)
{
    private readonly ShapeArithmetic _arithmetic = new(lengthAfter);

    /// <summary>Corrects a shape input.</summary>
    /// <param name="node">The node.</param>
    /// <param name="input">Which input is the shape.</param>
    /// <param name="before">The shape that it means.</param>
    /// <param name="after">The shape that it has to mean.</param>
    /// <param name="keepsOpen">Whether 0 and -1 in it have a meaning of their own and may stay.</param>
    public void Correct(Node node, int input, IReadOnlyList<int> before, IReadOnlyList<int> after, bool keepsOpen)
    {
        if (node.Input(input) is not { } target)
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

        var wrong = Enumerable.Range(0, before.Count).Where(axis => IsWrong(axis)).ToArray();
        if (wrong.Length == 0)
        {
            return;
        }

        if (target.Producer is { OpType: "Concat", Domain: "" } concat && concat.Inputs.Count == before.Count)
        {
            var parts = concat.Inputs.ToArray();
            foreach (var axis in wrong)
            {
                parts[axis] = _arithmetic.Repaired(parts[axis]!, after[axis], node) ?? NewConstant(node, after[axis]);
            }

            node.SetInput(input, node.Graph!.AddNode(node, "Concat", $"{target.Name}_pruned", parts, target.Type, "", Onnx.Attribute.Int("axis", 0)));
            return;
        }

        // Computed numbers stay where they are right; the others are put in their places.
        var graph = node.Graph!;
        var isWrong = graph.AddNode(node, "Constant", "is_wrong", [], null, "", Onnx.Attribute.Tensor("value",
            Tensor.Create<byte>(DataType.Bool, [before.Count], [.. Enumerable.Range(0, before.Count).Select(axis => (byte)(wrong.Contains(axis) ? 1 : 0))])));
        var right = NewConstant(node, [.. after.Select(length => (long)length)]);
        node.SetInput(input, graph.AddNode(node, "Where", $"{target.Name}_pruned", [isWrong, right, target], target.Type));

        // What is not understood is right when the length stays.
        bool IsWrong(int axis) => _arithmetic.Evaluate(target, axis) is not { } number ? before[axis] != after[axis]
            : number != after[axis] && !(keepsOpen && IsOpen(number, axis)) && !(number == 1 && node.Is("Expand"));

        // A quotient can be 0 too, and is wrong then.
        bool IsOpen(long number, int axis) => number == -1 || (number == 0
            && (target.Producer is not { OpType: "Concat", Domain: "" } parts || parts.Inputs.Count != before.Count || Layers.ConstantOf(parts.Input(axis)!) is not null));
    }

    /// <summary>A new constant before a node.</summary>
    public static Value NewConstant(Node before, params long[] numbers)
    {
        var tensor = Tensor.Int64s(numbers);
        return before.Graph!.AddNode(before, "Constant", "shape", [], new TensorType(tensor.Type, Shape.Of(tensor.Dims)), "", Onnx.Attribute.Tensor("value", tensor));
    }
}
