using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;

namespace CompressTool.Compression.Quantization;

/// <summary>
/// Divides the input channels of layers by factors and multiplies their weights by the same, which changes nothing in real numbers:
/// x·W = (x / s)·(s·W). Constants that the input is computed from take the division over where that is exact
/// (<see cref="ChannelScaling"/>); else a Mul in front of the layers does it.
/// </summary>
internal sealed class InputScaling
{
    private readonly Model _model;
    private readonly IReadOnlyDictionary<Node, Layer> _layers;

    /// <summary>Infers the shapes of a model's values, which scaling needs to know.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="CompressToolException">Shapes or types contradict each other (CMP2006).</exception>
    public InputScaling(Model model)
    {
        ShapeInference.Run(model);
        (_model, _layers) = (model, ChannelScaling.LayersByNode(model.Graph));
    }

    /// <summary>Why constants cannot take the division of inputs over, so that nodes are needed; null when they can.</summary>
    /// <param name="inputs">The inputs of the layers.</param>
    /// <param name="layers">The layers.</param>
    public string? NeedsNodes(IReadOnlyList<Value> inputs, IReadOnlyList<Layer> layers) => inputs.Select(input => Find(input, layers).Reason).FirstOrDefault(reason => reason is not null);

    /// <summary>Divides inputs and multiplies weights.</summary>
    /// <param name="inputs">The inputs of the layers, all of them, in float32 and of the main graph.</param>
    /// <param name="layers">Layers that <see cref="ChannelScaling.Unfit"/> has nothing against.</param>
    /// <param name="scales">What channels are divided by: positive, [K].</param>
    /// <returns>Number of nodes that were added.</returns>
    public int Apply(IReadOnlyList<Value> inputs, IReadOnlyList<Layer> layers, float[] scales)
    {
        var added = 0;
        foreach (var input in inputs)
        {
            if (Find(input, layers) is { Reason: null } constants)
            {
                constants.Divide(scales);
            }
            else
            {
                Insert(input, layers, scales);
                added++;
            }
        }

        foreach (var layer in layers)
        {
            ChannelScaling.MultiplyRows(layer, scales);
        }

        return added;
    }

    private ChannelScaling Find(Value input, IReadOnlyList<Layer> layers) => ChannelScaling.Find(input, [.. layers.SelectMany(layer => layer.Uses).Select(use => use.Node)], _layers);

    private void Insert(Value input, IReadOnlyList<Layer> layers, float[] scales)
    {
        var graph = _model.Graph;
        var before = input.Producer is { } producer ? graph.Nodes.SkipWhile(node => node != producer).ElementAt(1) : graph.Nodes[0];
        var constant = graph.AddInitializer(input.Name + "_scales", Tensor.Floats([scales.Length], Array.ConvertAll(scales, scale => 1 / scale)));
        var scaled = graph.AddNode(before, "Mul", input.Name + "_scaled", [input, constant], input.Type);
        foreach (var node in layers.SelectMany(layer => layer.Uses).Select(use => use.Node).Where(node => node.Input(0) == input))
        {
            node.SetInput(0, scaled);
        }
    }
}
