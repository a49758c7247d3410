using System.Text.Json.Nodes;
using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// Keeps the weights of MatMul and Gemm layers in 4 or 8 bits, in blocks, and multiplies activations with them as they are: by ONNX
/// Runtime's MatMulNBits, or by MatMul behind DequantizeLinear.
/// </summary>
/// <param name="model">The model, which imports the operator's domain afterwards.</param>
/// <param name="format">How weights are stored.</param>
/// <param name="accuracyLevel">What the runtime may compute in, 0 to 4.</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
/// <param name="rounding">Weights that are rounded already; null when all take the nearest codes.</param>
/// <param name="lowRank">Splits weights before they are rounded; null for none.</param>
/// <param name="form">What the weights are written for.</param>
internal sealed class BlockwiseScheme(
    Model model, BlockFormat format, int accuracyLevel, int threads = 0, ICalibratedRounding? rounding = null, LowRankSplit? lowRank = null, WeightForm form = WeightForm.MatMulNBits) : ILayerScheme
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
        if (lowRank?.Unfit(layer) is { } noBranch)
        {
            return noBranch;
        }

        var bytes = ((long)format.Blocks(matrix.K) * (format.BlockBytes + (layer.Tensor.Type.BitSize() / 8)) * matrix.N) + (lowRank?.Bytes(matrix) ?? 0);
        return bytes >= layer.Tensor.ByteLength ? $"with {matrix.K} input channels in blocks of {format.BlockSize} it would not become smaller" : null;
    }

    /// <inheritdoc/>
    public (IReadOnlyList<Tensor> Stored, WeightErrorSums Error) Quantize(Layer layer, CancellationToken cancellationToken)
    {
        lowRank?.Split(layer, cancellationToken);
        var matrix = MatrixLayers.Weight(layer);
        var weight = rounding?.Find(layer, cancellationToken) ?? BlockwiseWeight.Analyze(matrix, format, threads, cancellationToken);
        if (!weight.Error.IsFinite)
        {
            return ([], weight.Error);
        }

        var stored = form == WeightForm.Qdq ? Dequantize(layer, matrix, weight) : Multiply(layer, matrix, weight);
        MatrixLayers.RemoveWeight(layer);
        return ([.. stored.Select(value => value.Initializer!), .. lowRank?.Factors(layer) ?? []], weight.Error);
    }

    /// <inheritdoc/>
    public void Describe(Layer layer, JsonObject metrics)
    {
        rounding?.Describe(layer, metrics);
        lowRank?.Describe(layer, metrics);
    }

    private List<Value> Store(Layer layer, Tensor codes, Tensor scales, Tensor? zeroPoints)
    {
        var (graph, name) = (layer.Weight.Graph!, layer.Weight.Name);
        List<Value> stored = [graph.AddInitializer($"{name}_Q{format.Bits}", codes), graph.AddInitializer(name + "_scales", scales)];
        if (zeroPoints is not null)
        {
            stored.Add(graph.AddInitializer(name + "_zero_points", zeroPoints));
        }

        return stored;
    }

    /// <summary>Makes MatMulNBits of the layer's nodes.</summary>
    private List<Value> Multiply(Layer layer, WeightMatrix matrix, BlockwiseWeight weight)
    {
        var stored = Store(layer, weight.Codes(), weight.Scales(), weight.ZeroPoints());
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
        return stored;
    }

    /// <summary>Gives the layer's nodes weights behind DequantizeLinear; each node one of its own, since runtimes fuse only such.</summary>
    private List<Value> Dequantize(Layer layer, WeightMatrix matrix, BlockwiseWeight weight)
    {
        var layout = new BlockedLayout(weight, matrix, format, threads);
        var stored = Store(layer, layout.Codes(), layout.Scales(), layout.ZeroPoints());
        foreach (var (node, _) in layer.Uses)
        {
            MatrixLayers.Detach(node, layer);
            node.OpType = "MatMul";
            var type = new TensorType(layer.Tensor.Type, Shape.Of([matrix.K, matrix.N]));
            node.AddInput(node.Graph!.AddNode(
                node, "DequantizeLinear", layer.Weight.Name + "_DequantizeLinear", stored, type, "", Attribute.Int("axis", 0), Attribute.Int("block_size", format.BlockSize)));
        }

        return stored;
    }
}
