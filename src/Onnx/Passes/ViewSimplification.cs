using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Passes;

/// <summary>
/// Simplifies views: nodes that give their input's values in the same order under another shape (Reshape, Squeeze, Unsqueeze,
/// Flatten, and Transpose where it moves axes of length one alone). Of views in a row the last does all, those that give the shape back go,
/// and a target that is computed but leaves one length open at most becomes a constant, with the nodes that computed it.
/// </summary>
public static class ViewSimplification
{
    /// <summary>Simplifies all graphs of a model, and removes nodes that nothing uses any more.</summary>
    /// <param name="model">The model; before version 5 of the operators nothing is done.</param>
    /// <returns>How many views were changed or removed.</returns>
    /// <exception cref="Diagnostics.CompressToolException">Shapes or types contradict each other (CMP2006).</exception>
    public static int Run(Model model)
    {
        if (model.Opset < 5)
        {
            return 0;
        }

        var shapes = ShapeInference.Analyze(model, new InferenceOptions());
        var count = model.Graph.AllGraphs().Sum(graph => graph.Nodes.ToArray().Count(node => IsView(node, shapes) && Simplify(node, shapes)));
        model.Graph.RemoveUnused();
        return count;
    }

    private static bool Simplify(Node node, InferenceResult shapes)
    {
        var (input, output) = (node.Inputs[0]!, node.Outputs[0]!);
        var source = input.SourceThrough(view => IsView(view, shapes));
        if (IsConstant(source) || shapes.TypeOf(output)?.Shape is not { } shape)
        {
            return false;
        }

        if (!output.IsGraphOutput && shapes.TypeOf(source)?.Shape is { } given && AreSame(given, shape))
        {
            output.ReplaceAllUses(source);
            return true;
        }

        var isSimple = source == input && (node.Is("Reshape") ? IsConstant(node.Inputs[1]!) : !node.Is("Transpose"));
        if (isSimple || TargetOf(shape) is not { } target)
        {
            return false;
        }

        var graph = node.Graph!;
        var constant = graph.AddNode(node, "Constant", graph.UniqueName($"{output.Name}_shape"), [], new TensorType(DataType.Int64, Shape.Of(target.Dims)), "", Attribute.Tensor("value", target));
        node.Become("Reshape", [source, constant]);
        return true;
    }

    private static bool IsView(Node node, InferenceResult shapes) => node.Domain.Length == 0 && node.Outputs is [{ }] && node.Input(0) is { } input && node.OpType switch
    {
        "Reshape" => node.Input(1) is not null,
        "Squeeze" or "Unsqueeze" or "Flatten" => true,
        "Transpose" => node.GetInts("perm") is { } order && shapes.TypeOf(input)?.Shape is { } shape && KeepsOrder(shape, order),
        _ => false,
    };

    private static bool KeepsOrder(Shape shape, IReadOnlyList<long> order)
    {
        var last = -1L;
        foreach (var axis in order.Where(axis => shape[(int)axis].Value != 1))
        {
            if (axis < last)
            {
                return false;
            }

            last = axis;
        }

        return true;
    }

    private static bool IsConstant(Value value) => (value.Initializer is not null && !value.IsGraphInput) || value.ConstantTensor is not null;

    private static bool AreSame(Shape a, Shape b) =>
        a.Count == b.Count && a.Zip(b).All(pair => pair.First.Value is { } length ? length == pair.Second.Value : pair.First.Symbol is { } symbol && symbol == pair.Second.Symbol);

    /// <summary>The shape with -1 for the length that is open; null when several are, or one is 0, which Reshape reads as another.</summary>
    private static Tensor? TargetOf(Shape shape) =>
        shape.Count(dim => dim.Value is null) > 1 || shape.Any(dim => dim.Value == 0) ? null : Tensor.Int64s([.. shape.Select(dim => dim.Value ?? -1)]);
}
