using CompressTool.Compression.Pruning.Removal;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// Divides layers that read a concatenation of channels into one layer for each of its parts, and adds up their results: activations and
/// weights of each part have scales of their own then. Where a U-Net's decoder takes a skip connection, the two parts have ranges of different
/// orders, and the smaller one would be lost (Li et al. 2023, Q-Diffusion, 3.3).
/// </summary>
internal static class ConcatenationSplit
{
    /// <summary>The layers that can be divided, each with what is concatenated in front of it.</summary>
    /// <param name="layers">The layers, of a model with inferred shapes.</param>
    public static IReadOnlyDictionary<Layer, IReadOnlyList<Value>> Find(IEnumerable<Layer> layers) =>
        layers.Select(layer => (Layer: layer, Parts: PartsOf(layer))).Where(item => item.Parts is not null)
            .ToDictionary(item => item.Layer, item => (IReadOnlyList<Value>)[.. item.Parts!.Select(part => part.Value)]);

    /// <summary>Divides layers.</summary>
    /// <param name="model">The model, with inferred shapes.</param>
    /// <param name="layers">All layers to quantize; each that is divided is replaced by its parts.</param>
    /// <param name="chosen">Those to divide, which can be.</param>
    /// <returns>Their names.</returns>
    public static IReadOnlyList<string> Run(Model model, List<Layer> layers, IReadOnlySet<Layer> chosen)
    {
        var (divided, weights) = (new List<string>(), new Dictionary<Value, int>());
        foreach (var (number, layer) in layers.Index().Where(item => chosen.Contains(item.Item)))
        {
            divided.Add(layer.Name);
            foreach (var weight in Divide(layer, PartsOf(layer)!))
            {
                weights.Add(weight, number);
            }
        }

        if (divided.Count > 0)
        {
            var found = Layers.Find(model.Graph);
            var places = layers.Index().Where(item => !chosen.Contains(item.Item)).Select(item => (Layer: item.Item, Place: item.Index))
                .Concat(found.Where(layer => weights.ContainsKey(layer.Weight)).Select(layer => (Layer: layer, Place: weights[layer.Weight])))
                .OrderBy(item => item.Place).ToArray();
            layers.Clear();
            layers.AddRange(places.Select(item => item.Layer));
        }

        return divided;
    }

    /// <summary>What is concatenated in front of a layer along its input channels, with how many channels each; null when the layer cannot be divided.</summary>
    private static (Value Value, int Channels)[]? PartsOf(Layer layer)
    {
        if (layer is not { Uses: [{ Node: var node, Index: 1 }], IsDirect: true, Groups: 1, InputAxis: not null } || node.Inputs[0]!.Producer is not { OpType: "Concat", Domain: "" } concat
            || node.Inputs[0]!.Type is not TensorType { Shape: { } shape })
        {
            return null;
        }

        var axis = concat.GetInt("axis", 0);
        var isChannels = node.OpType switch
        {
            "Conv" => axis == 1 || axis == 1 - shape.Count,
            "MatMul" => layer.Tensor.Dims.Count == 2 && (axis == -1 || axis == shape.Count - 1),
            "Gemm" => node.GetInt("transA", 0) == 0 && (axis == 1 || axis == -1),
            _ => false,
        };
        axis = axis < 0 ? axis + shape.Count : axis;
        var lengths = concat.Inputs.Select(input => (input!.Type as TensorType)?.Shape?[(int)axis].Value).ToArray();
        return isChannels && concat.Inputs.Count > 1 && lengths.All(length => length is not null) && concat.Inputs.All(input => !StaticPlan.IsConstant(input!))
            ? [.. concat.Inputs.Zip(lengths, (input, length) => (input!, (int)length!.Value))] : null;
    }

    private static List<Value> Divide(Layer layer, (Value Value, int Channels)[] parts)
    {
        var (graph, node, tensor) = (layer.Node.Graph!, layer.Node, layer.Tensor);
        var output = node.Outputs[0]!;
        var (weights, start, sum) = (new List<Value>(), 0, (Value?)null);
        var name = layer.Weight.Name.EndsWith(".weight", StringComparison.Ordinal) ? layer.Weight.Name[..^".weight".Length] : layer.Weight.Name;
        foreach (var (number, (value, channels)) in parts.Index())
        {
            var kept = new int[]?[tensor.Dims.Count];
            kept[layer.InputAxis!.Value] = [.. Enumerable.Range(start, channels)];
            start += channels;
            weights.Add(graph.AddInitializer($"{name}.{number}.weight", SlicedData.Of(tensor, kept)));

            // The bias once, and what a Gemm adds to its product, too.
            Value?[] inputs = number == 0 ? [value, weights[^1], .. node.Inputs.Skip(2)] : [value, weights[^1]];
            var part = graph.AddNode(node, node.OpType, $"{node.DisplayName}.{number}", inputs, output.Type, node.Domain, node.Attributes.Where(attribute => number == 0 || attribute.Name != "beta"));
            sum = sum is null ? part : graph.AddNode(node, "Add", $"{node.DisplayName}.sum{number}", [sum, part], output.Type);
        }

        var (concatenated, weight) = (node.Inputs[0]!, node.Inputs[1]!);
        output.ReplaceAllUses(sum!);
        graph.Remove(node);
        weight.RemoveIfUnused();
        if (concatenated is { IsGraphOutput: false, Uses: [] })
        {
            graph.Remove(concatenated.Producer!);
        }

        return weights;
    }
}
