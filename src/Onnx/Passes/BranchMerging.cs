using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Passes;

/// <summary>
/// Replaces <c>If</c> nodes by both branches and a choice between their results, where these have the same types and shapes.
/// Costs the branch that is not taken, and lets the graph be differentiated. What a branch takes from outside is zero unless the
/// branch is taken, so that nothing infinite comes back from it into a gradient.
/// </summary>
public static class BranchMerging
{
    /// <summary>Merges, branches within branches included. The shapes of the model must have been inferred.</summary>
    /// <returns>How many nodes were replaced.</returns>
    /// <exception cref="Diagnostics.CompressToolException">Shapes or types contradict each other (CMP2006).</exception>
    public static int Run(Model model)
    {
        var count = 0;
        while (model.Graph.Nodes.Where(CanMerge).ToArray() is { Length: > 0 } nodes)
        {
            foreach (var node in nodes)
            {
                Merge(node);
            }

            // Of a copied branch within a branch the shapes are not known yet.
            count += nodes.Length;
            ShapeInference.Run(model);
        }

        return count;
    }

    private static bool CanMerge(Node node) =>
        node.Is("If") && Branch(node, "then_branch") is { } then && Branch(node, "else_branch") is { } otherwise
        && node.Outputs.Select((output, index) => output is null || (IsReal(then.Outputs[index]) && AreAlike(then.Outputs[index], otherwise.Outputs[index]))).All(fits => fits);

    private static Graph? Branch(Node node, string name) => node.Attribute(name)?.Value as Graph;

    private static bool IsReal(Value value) => value.ElementType is DataType.Float or DataType.Double or DataType.Float16 or DataType.BFloat16;

    private static bool AreAlike(Value a, Value b) =>
        a.ElementType == b.ElementType && a.Shape is { IsStatic: true } shape && b.Shape is { IsStatic: true } other && shape.SequenceEqual(other);

    private static void Merge(Node node)
    {
        var graph = node.Graph!;
        var name = node.Name.Length > 0 ? node.Name : "If";
        var scalar = graph.AddInitializer(graph.UniqueName($"{name}/scalar"), Tensor.Int64s());
        var condition = graph.AddNode(node, "Reshape", graph.UniqueName($"{name}/condition"), [node.Inputs[0], scalar], new TensorType(DataType.Bool, Shape.Scalar));
        var then = Inline(node, Branch(node, "then_branch")!, condition, isThen: true);
        var otherwise = Inline(node, Branch(node, "else_branch")!, condition, isThen: false);
        foreach (var (index, output) in node.Outputs.ToArray().Index())
        {
            if (output is not null)
            {
                node.SetOutput(index, null);
                graph.InsertBefore(node, new Node("Where", [condition, then[index], otherwise[index]], [output], graph.UniqueName($"{name}/choice")));
            }
        }

        graph.Remove(node);
    }

    /// <summary>Puts a copy of a branch before the node.</summary>
    /// <returns>The branch's outputs; null where the node has none.</returns>
    private static Value?[] Inline(Node node, Graph branch, Value condition, bool isThen)
    {
        var graph = node.Graph!;
        var prefix = $"{(node.Name.Length > 0 ? node.Name : "If")}/{(isThen ? "then" : "else")}";
        Value?[] outputs = [.. node.Outputs.Select((output, index) => output is null ? null : new Value(graph.UniqueName($"{prefix}/{index}"), branch.Outputs[index].Type))];
        var place = new Node("If", [], outputs, prefix);
        graph.InsertBefore(node, place);
        var added = BodyCopy.Replace(place, branch, [], attribute => attribute);
        Guard(graph, added, condition, isThen, prefix);
        return outputs;
    }

    /// <summary>Makes what the nodes take from outside zero unless they are wanted.</summary>
    private static void Guard(Graph graph, IReadOnlyList<Node> nodes, Value condition, bool isThen, string prefix)
    {
        var all = nodes.Concat(nodes.SelectMany(node => node.Subgraphs).SelectMany(inner => inner.AllNodes())).ToArray();
        var own = nodes.ToHashSet();
        bool IsOutside(Value value) => IsReal(value) && value.Graph == graph && (value.Producer is { } producer ? !own.Contains(producer) : value.IsGraphInput);
        foreach (var value in all.SelectMany(node => node.Inputs).OfType<Value>().Where(IsOutside).Distinct().ToArray())
        {
            var zero = graph.AddInitializer(graph.UniqueName($"{prefix}/zero"), Zero(value.ElementType));
            var guarded = graph.AddNode(nodes[0], "Where", graph.UniqueName($"{prefix}/{value.Name}"), isThen ? [condition, value, zero] : [condition, zero, value], value.Type);
            foreach (var node in all)
            {
                for (var index = 0; index < node.Inputs.Count; index++)
                {
                    if (node.Inputs[index] == value)
                    {
                        node.SetInput(index, guarded);
                    }
                }
            }
        }
    }

    private static Tensor Zero(DataType type) => new(type, [], new MemoryData(new byte[type.ByteSize(1)]));
}
