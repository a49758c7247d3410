using CompressTool.Compression;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;

namespace CompressTool.Tool.Inspection;

/// <summary>A layer and what it costs.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Macs">Multiply-accumulate operations of its nodes.</param>
/// <param name="Sparsity">The share of zeros in its weight; null when they were not counted.</param>
internal sealed record LayerCost(Layer Layer, long Macs, WeightSparsity? Sparsity)
{
    /// <summary>The layers of a model with their costs.</summary>
    public static IReadOnlyList<LayerCost> Of(Model model, ModelCost cost, ModelSparsity? sparsity)
    {
        var macs = cost.Nodes.ToDictionary(node => node.Node, node => node.Macs);
        var zeros = sparsity?.Weights.ToDictionary(weight => weight.Value);
        return [.. Layers.Find(model.Graph).Select(layer => new LayerCost(layer, layer.Uses.Sum(use => macs.GetValueOrDefault(use.Node)), zeros?.GetValueOrDefault(layer.Weight)))];
    }
}
