using System.Text.Json.Nodes;
using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// Replaces MatMul and Gemm layers by ONNX Runtime's MatMulNBits, which keeps the weight in 4 or 8 bits and multiplies
/// activations with it as they are.
/// </summary>
/// <param name="model">The model, which imports the operator's domain afterwards.</param>
/// <param name="format">How weights are stored.</param>
/// <param name="accuracyLevel">What the runtime may compute in, 0 to 4.</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
/// <param name="rounding">Weights that are rounded already; null when all take the nearest codes.</param>
internal sealed class BlockwiseScheme(Model model, BlockFormat format, int accuracyLevel, int threads = 0, GptqRounding? rounding = null) : ILayerScheme
{
    /// <inheritdoc/>
    public IReadOnlyList<LayerKind> Kinds { get; } = [LayerKind.MatMul, LayerKind.Gemm];

    /// <inheritdoc/>
    public string? Unfit(Layer layer)
    {
        if (MatrixLayers.Unfit(layer) is { } reason)
        {
            return reason;
        }

        if (layer.Uses.Any(use => use.Node.Input(0)?.Shape is { Count: 1 }))
        {
            return "its input is a vector, for which the operator needs a matrix";
        }

        var matrix = MatrixLayers.Weight(layer);
        var bytes = (long)format.Blocks(matrix.K) * (format.BlockBytes + (layer.Tensor.Type.BitSize() / 8)) * matrix.N;
        return bytes >= layer.Tensor.ByteLength ? $"with {matrix.K} input channels in blocks of {format.BlockSize} it would not become smaller" : null;
    }

    /// <inheritdoc/>
    public (IReadOnlyList<Tensor> Stored, WeightErrorSums Error) Quantize(Layer layer, CancellationToken cancellationToken)
    {
        var matrix = MatrixLayers.Weight(layer);
        var weight = rounding?.Find(layer) ?? BlockwiseWeight.Analyze(matrix, format, threads, cancellationToken);
        if (!weight.Error.IsFinite)
        {
            return ([], weight.Error);
        }

        var graph = layer.Weight.Graph!;
        var name = layer.Weight.Name;
        List<Value> stored =
        [
            graph.AddInitializer($"{name}_Q{format.Bits}", weight.Codes()),
            graph.AddInitializer(name + "_scales", weight.Scales()),
        ];
        if (weight.ZeroPoints() is { } zeroPoints)
        {
            stored.Add(graph.AddInitializer(name + "_zero_points", zeroPoints));
        }

        foreach (var (node, _) in layer.Uses)
        {
            MatrixLayers.Detach(node, layer);
            node.OpType = "MatMulNBits";
            node.Domain = OpsetVersions.Microsoft;
            if (node.Name.Length > 0)
            {
                node.Name = node.Graph!.UniqueName($"{node.Name}_Q{format.Bits}");
            }

            stored.ForEach(node.AddInput);
            node.SetAttribute(Attribute.Int("K", matrix.K));
            node.SetAttribute(Attribute.Int("N", matrix.N));
            node.SetAttribute(Attribute.Int("bits", format.Bits));
            node.SetAttribute(Attribute.Int("block_size", format.BlockSize));
            if (accuracyLevel > 0)
            {
                node.SetAttribute(Attribute.Int("accuracy_level", accuracyLevel));
            }
        }

        OpsetVersions.ImportMicrosoft(model);
        MatrixLayers.RemoveWeight(layer);
        return ([.. stored.Select(value => value.Initializer!)], weight.Error);
    }

    /// <inheritdoc/>
    public void Describe(Layer layer, JsonObject metrics) => rounding?.Describe(layer, metrics);
}
