using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Passes;

/// <summary>
/// Puts what scales and shifts the channels of a layer's result into its weight and bias: BatchNormalization as it runs in inference, and
/// Add, Sub, Mul and Div with a constant per channel. The layers are Conv, ConvTranspose and Gemm with constant weights whose result nothing
/// else takes. Scales of a row of such nodes are multiplied in float64 and rounded once. Large weights are scaled when they are read.
/// </summary>
public static class BatchNormalizationFolding
{
    /// <summary>Larger weights that other nodes use too would be stored twice.</summary>
    private const long MaxCopiedElements = ConstantFolding.MaxElements;

    /// <summary>Folds in all graphs of a model, and removes constants that nothing uses any more.</summary>
    /// <param name="model">The model; its functions are left alone.</param>
    /// <returns>How many nodes were folded.</returns>
    /// <exception cref="CompressToolException">A weight cannot be read.</exception>
    public static int Run(Model model)
    {
        var count = 0;
        foreach (var graph in model.Graph.AllGraphs().ToArray())
        {
            foreach (var layer in graph.Nodes.ToArray())
            {
                count += Fold(model, layer);
            }
        }

        if (count > 0)
        {
            // From version 4 of the format on, a constant need not be an input as well.
            model.IrVersion = Math.Max(model.IrVersion, 4);
        }

        return count;
    }

    /// <summary>The constant of a value; before version 4 of the format all constants are inputs, meant to be overridden or not.</summary>
    internal static Tensor? Constant(Model model, Value? value) => value?.ConstantTensor ?? (model.IrVersion < 4 ? value?.Initializer : null);

    private static int Fold(Model model, Node layer)
    {
        if (ScaledLayer.Of(model, layer) is not { } scaled)
        {
            return 0;
        }

        var sum = new ChannelAffine(scaled.Channels);
        var folded = new List<Node>();
        var output = layer.Outputs[0]!;
        while (output is { IsGraphOutput: false, Uses: [{ Node: var next } use] } && next.Graph == layer.Graph
            && ChannelAffine.Of(model, use, scaled.Rank, scaled.Channels) is { } affine && sum.Then(affine) is var after && scaled.Takes(after))
        {
            sum = after;
            folded.Add(next);
            output = next.Outputs[0]!;
        }

        if (folded.Count == 0 || (!sum.IsShift && IsLargeAndShared(layer.Inputs[1]!, scaled.Weight)))
        {
            return 0;
        }

        var released = new List<Value?>();
        if (!sum.IsShift)
        {
            Replace(1, scaled.ScaledWeight(sum));
        }

        Replace(2, scaled.Bias(sum));
        layer.RemoveAttribute("beta");
        layer.Outputs[0]!.Type ??= output.Type;
        output.ReplaceAllUses(layer.Outputs[0]!);
        foreach (var node in Enumerable.Reverse(folded))
        {
            released.AddRange(node.Inputs);
            node.Graph!.Remove(node);
        }

        released.ForEach(RemoveIfUnused);
        return folded.Count;

        void Replace(int index, Tensor tensor)
        {
            var graph = layer.Graph!;
            var value = layer.Input(index);
            if (value is { Initializer: not null, IsGraphOutput: false, Uses.Count: 1 })
            {
                Graph.ReplaceInitializer(value, tensor);
                return;
            }

            layer.SetInput(index, graph.AddInitializer(value?.Name ?? BiasName(layer.Inputs[1]!.Name), tensor));
            released.Add(value);
        }
    }

    private static bool IsLargeAndShared(Value value, Tensor weight) => weight.Count > MaxCopiedElements && (value.Uses.Count > 1 || value.IsGraphOutput);

    private static string BiasName(string weight) => weight.EndsWith(".weight", StringComparison.Ordinal) ? $"{weight[..^".weight".Length]}.bias" : $"{weight}_bias";

    private static void RemoveIfUnused(Value? value)
    {
        if (value is { IsUnused: true, IsGraphInput: true, Initializer: not null, Graph: { } graph })
        {
            graph.RemoveInput(value);
        }

        value?.RemoveIfUnused();
    }
}
