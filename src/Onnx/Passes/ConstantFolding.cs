using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Passes;

/// <summary>
/// Replaces nodes whose outputs are always the same by those outputs: shape arithmetic, movements of weights, arithmetic on
/// small constants. Only operations are computed that give the same bits on every runtime. Results that come from weights
/// become initializers, others Constant nodes, so that what was no weight does not turn into one.
/// </summary>
public static class ConstantFolding
{
    /// <summary>Results with more elements are not computed, unless they are a weight in another shape or order.</summary>
    public const long MaxElements = 1 << 16;

    /// <summary>Floating-point results that are larger than what they are made of (filled or repeated) are not worth storing beyond this.</summary>
    private const long MaxGrownElements = 1 << 12;

    /// <summary>Folds, and removes nodes and initializers that nothing uses any more.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">How shapes are inferred on the way; null for the defaults.</param>
    /// <param name="keepWeights">True to leave alone what comes from weights, so that they keep their names and forms.</param>
    /// <returns>How many nodes were folded.</returns>
    /// <exception cref="Diagnostics.CompressToolException">Shapes or types contradict each other (CMP2006).</exception>
    public static int Run(Model model, InferenceOptions? options = null, bool keepWeights = false)
    {
        var result = ShapeInference.Analyze(model, options ?? new InferenceOptions(), MaxElements);
        var fromWeights = new HashSet<Value>();
        var count = 0;
        foreach (var graph in model.Graph.AllGraphs().ToArray())
        {
            // Shapes, axes and indices are no weights, whoever keeps them.
            fromWeights.UnionWith(graph.Initializers.Where(initializer => initializer.Initializer!.Type is not (DataType.Int64 or DataType.Int32 or DataType.Bool)));
            foreach (var node in graph.Nodes)
            {
                if (!node.Is("Constant") && !(keepWeights && node.Inputs.Any(input => input is not null && fromWeights.Contains(input))) && Fold(node, result, fromWeights))
                {
                    count++;
                }
            }
        }

        model.Graph.RemoveUnused();
        return count;
    }

    private static bool Fold(Node node, InferenceResult result, HashSet<Value> fromWeights)
    {
        var isWeight = node.Inputs.Any(input => input is not null && fromWeights.Contains(input));
        if (node.Is("Identity") && node.Inputs is [{ } source] && node.Outputs is [{ IsGraphOutput: false } copy] && isWeight)
        {
            // The weight itself will do; a second name for it would store it twice.
            copy.ReplaceAllUses(source);
            return true;
        }

        var constants = node.Outputs.Select(output => output is null ? null : result.ConstantOf(output)).ToArray();
        if (node.Outputs.Count == 0 || node.Outputs.Any(output => output is not null && (output.IsGraphOutput || result.ConstantOf(output) is null)) || !IsWorthStoring(node, result, constants))
        {
            return false;
        }

        if (isWeight || node.Outputs.Count > 1)
        {
            var graph = node.Graph!;
            foreach (var (index, output) in node.Outputs.ToArray().Index())
            {
                if (output is not null)
                {
                    node.SetOutput(index, null);
                    Graph.ReplaceInitializer(output, constants[index]!);
                    graph.AddInitializer(output);
                    fromWeights.UnionWith(isWeight ? [output] : []);
                }
            }
        }
        else
        {
            node.Become("Constant", [], Attribute.Tensor("value", constants[0]!));
        }

        return true;
    }

    private static bool IsWorthStoring(Node node, InferenceResult result, Tensor?[] constants)
    {
        var elements = constants.Sum(tensor => tensor?.Count ?? 0);
        var bytes = constants.Sum(tensor => tensor?.ByteLength ?? 0);
        var isFloat = constants.Any(tensor => tensor?.Type.IsFloat() == true);
        var sources = node.Inputs.OfType<Value>().Select(input => (Value: input, Tensor: result.ConstantOf(input))).ToArray();
        if (elements > MaxElements)
        {
            // A large weight that others use too would be stored twice.
            return sources.All(source => source.Tensor is null || source.Tensor.Count <= MaxElements || source.Value.Uses.Count == 1);
        }

        return !isFloat || elements <= MaxGrownElements || bytes <= sources.Sum(source => source.Tensor?.ByteLength ?? 0);
    }
}
