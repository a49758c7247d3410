using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>Layers that see the same inputs, such as those of queries, keys and values, and so share a Hessian.</summary>
/// <param name="Size">K: their input channels.</param>
/// <param name="Inputs">The values that they are fed with.</param>
/// <param name="Layers">The layers.</param>
internal sealed record HessianGroup(int Size, IReadOnlyList<Value> Inputs, List<Layer> Layers)
{
    /// <summary>Bytes of the Hessian.</summary>
    public long Bytes => (long)Size * Size * sizeof(double);
}

/// <summary>Divides layers into passes over the calibration's inputs, whose Hessians fit into memory together.</summary>
internal static class HessianPlan
{
    /// <summary>Bytes of the Hessians that are held at once; a layer of 8192 input channels needs all of them.</summary>
    public const long UsualBudget = 512L << 20;

    /// <summary>Why a layer cannot have a Hessian; null when it can.</summary>
    /// <param name="layer">A layer that <see cref="MatrixLayers"/> can quantize.</param>
    /// <param name="graph">The main graph.</param>
    /// <param name="budget">Bytes of the Hessians that are held at once.</param>
    public static string? Unfit(Layer layer, Graph graph, long budget)
    {
        var matrix = MatrixLayers.Weight(layer);
        return (long)matrix.K * matrix.K * sizeof(double) > budget ? $"it has {matrix.K} input channels, more than the {(int)Math.Sqrt(budget / sizeof(double))} whose Hessian fits into memory"
            : matrix.Tensor.Count > Array.MaxLength ? "it has too many weights"
            : layer.Tensor.Type != DataType.Float ? "its weight is float16; quantize before fp16"
            : layer.Uses.Any(use => use.Node.Input(0)?.Graph != graph) ? "its input belongs to a branch or a loop"
            : null;
    }

    /// <summary>Groups layers by their inputs and the groups into passes.</summary>
    /// <param name="layers">Layers that fit.</param>
    /// <param name="budget">Bytes of the Hessians that are held at once.</param>
    public static List<List<HessianGroup>> Passes(IEnumerable<Layer> layers, long budget)
    {
        var groups = new List<HessianGroup>();
        foreach (var layer in layers)
        {
            Value[] inputs = [.. layer.Uses.Select(use => use.Node.Input(0)!).Distinct()];
            var group = groups.Find(group => group.Inputs.SequenceEqual(inputs));
            if (group is null)
            {
                groups.Add(group = new HessianGroup(MatrixLayers.Weight(layer).K, inputs, []));
            }

            group.Layers.Add(layer);
        }

        return Pack(groups, group => group.Bytes, budget);
    }

    /// <summary>Divides what needs memory into passes, in order, so that each fits.</summary>
    /// <param name="items">What needs it; each fits alone.</param>
    /// <param name="bytes">How much each needs.</param>
    /// <param name="budget">Bytes that are held at once.</param>
    public static List<List<T>> Pack<T>(IEnumerable<T> items, Func<T, long> bytes, long budget)
    {
        var (passes, held) = (new List<List<T>>(), budget);
        foreach (var item in items)
        {
            if (held + bytes(item) > budget)
            {
                passes.Add([]);
                held = 0;
            }

            passes[^1].Add(item);
            held += bytes(item);
        }

        return passes;
    }
}
