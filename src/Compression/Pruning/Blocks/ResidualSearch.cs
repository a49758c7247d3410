using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>
/// Finds branches that are added to what they come from: x + f(x), also scaled, and Wx + f(x) with a shortcut without
/// activations (He et al. 2016).
/// </summary>
/// <param name="graph">The model.</param>
internal sealed class ResidualSearch(BlockGraph graph)
{
    private static readonly HashSet<string> s_movements = ["Conv", "MatMul", "Gemm", "BatchNormalization", "AveragePool", "MaxPool", "Reshape", "Transpose", "Identity",
        "Cast", "Resize", "Upsample", "Pad", "Slice", "Squeeze", "Unsqueeze", "Flatten", "Add", "Sub", "Mul", "Div", "SpaceToDepth", "DepthToSpace"];

    /// <summary>The blocks, in the order of the graph.</summary>
    public IEnumerable<Block> Find()
    {
        foreach (var node in graph.Graph.Nodes)
        {
            if ((node.Is("Add") || node.Is("Sum")) && node.Inputs is [{ } left, { } right] && node.Outputs is [{ } sum]
                && left != right && BlockGraph.IsComputed(left) && BlockGraph.IsComputed(right) && graph.IsSameShape(left, right)
                && (Branch(left, right, sum) ?? Branch(right, left, sum) ?? Projected(left, right, sum)) is { } block)
            {
                yield return block;
            }
        }
    }

    /// <summary>x + f(x).</summary>
    private Block? Branch(Value kept, Value branch, Value sum) =>
        graph.DependsOn(branch, kept) ? graph.TryCreate(BlockKind.Residual, kept, new Bypass(Scaled(sum), kept)) : null;

    /// <summary>Wx + f(x), in either order; of two projections the one that costs less stays.</summary>
    private Block? Projected(Value left, Value right, Value sum)
    {
        var (first, second) = (Shortcut(left, right, sum), Shortcut(right, left, sum));
        return first is null || second is null ? first ?? second : first.Parameters >= second.Parameters ? first : second;
    }

    private Block? Shortcut(Value kept, Value branch, Value sum)
    {
        for (var source = Before(kept); source is not null; source = Before(source))
        {
            if (graph.DependsOn(branch, source))
            {
                return graph.TryCreate(BlockKind.Shortcut, source, new Bypass(Scaled(sum), kept));
            }
        }

        return null;
    }

    /// <summary>What a value is projected or moved from; null when it comes from anything else, or from several values.</summary>
    private static Value? Before(Value value) =>
        value.Producer is { Domain: "" } node && s_movements.Contains(node.OpType) && node.Inputs.Count(BlockGraph.IsComputed) == 1 && BlockGraph.IsComputed(node.Inputs[0])
            ? node.Inputs[0] : null;

    /// <summary>
    /// The sum behind a factor from a half to one (such as one over the root of two), which is a part of the block then: it keeps the
    /// size of what two summands make larger.
    /// </summary>
    private static Value Scaled(Value sum)
    {
        while (!sum.IsGraphOutput && sum.Uses is [var use] && Factor(use) is >= 0.5 and <= 1 && use.Node.Output(0) is { } scaled)
        {
            sum = scaled;
        }

        return sum;
    }

    private static double? Factor(Use use) => use.Node.Inputs.Count == 2 && use.Node.Inputs[1 - use.Index]?.ConstantTensor is { Count: 1 } number && number.Type.IsFloat()
        ? use.Node.Is("Mul") ? number.ToFloats()[0] : use.Node.Is("Div") && use.Index == 0 ? 1 / number.ToFloats()[0] : null : null;
}
