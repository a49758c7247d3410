using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>Puts batch normalisation into the convolution before it, in evaluation; the weights lose their names by that.</summary>
internal static class BatchNormFolding
{
    public static void Run(ExporterGraph graph)
    {
        foreach (var norm in graph.Model.Graph.Nodes.Where(node => node.Is("BatchNormalization")).ToArray())
        {
            if (norm.Inputs[0]!.Producer is { } conv && conv.Is("Conv") && conv.Outputs[0]!.Uses.Count == 1 && !conv.Outputs[0]!.IsGraphOutput)
            {
                Fold(graph, conv, norm);
            }
        }
    }

    private static void Fold(ExporterGraph graph, Node conv, Node norm)
    {
        float[] Numbers(int input) => norm.Inputs[input]!.Initializer!.ToFloats();
        var (scale, shift, mean, variance) = (Numbers(1), Numbers(2), Numbers(3), Numbers(4));
        var factors = scale.Zip(variance, (gamma, sigma) => gamma / Math.Sqrt(sigma + norm.GetFloat("epsilon", 1e-5f))).ToArray();
        var weight = conv.Inputs[1]!;
        var weights = weight.Initializer!.ToFloats();
        var row = weights.Length / factors.Length;
        for (var index = 0; index < weights.Length; index++)
        {
            weights[index] = (float)(weights[index] * factors[index / row]);
        }

        var biases = conv.Input(2)?.Initializer!.ToFloats() ?? new float[factors.Length];
        for (var index = 0; index < biases.Length; index++)
        {
            biases[index] = (float)(((biases[index] - mean[index]) * factors[index]) + shift[index]);
        }

        Value?[] replaced = [.. conv.Inputs.Skip(1), .. norm.Inputs.Skip(1)];
        conv.SetInput(1, graph.Folded("Conv", weight.Name, () => Tensor.Floats(weight.Initializer!.Dims, weights)));
        conv.SetInput(2, graph.Folded("Conv", weight.Name + " bias", () => Tensor.Floats([biases.Length], biases)));
        norm.Outputs[0]!.ReplaceAllUses(conv.Outputs[0]!);
        graph.Model.Graph.Remove(norm);
        Array.ForEach(replaced, value => value?.RemoveIfUnused());
    }
}
