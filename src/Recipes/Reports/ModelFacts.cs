using CompressTool.Compression.Evaluation;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;

namespace CompressTool.Recipes.Reports;

/// <summary>What a report tells of a model in a file.</summary>
/// <param name="Bytes">Bytes of its files.</param>
/// <param name="Parameters">Its parameters.</param>
/// <param name="NonZeros">Those that are not zero; of weights packed in less than a byte all.</param>
/// <param name="Macs">Multiplications of one evaluation for one sample, attention included.</param>
/// <param name="CountedAsOne">Dimensions without a length, which counted as 1 for the multiplications.</param>
/// <param name="Layers">Its layers with the weights they had at first.</param>
/// <param name="Weights">Its initializers.</param>
public sealed record ModelFacts(
    long Bytes, long Parameters, long NonZeros, double Macs, IReadOnlyList<string> CountedAsOne, IReadOnlyList<LayerName> Layers, IReadOnlyList<WeightFacts> Weights)
{
    /// <summary>Reads a model; all its weights are looked at once.</summary>
    /// <param name="path">The .onnx file.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The model cannot be read.</exception>
    public static ModelFacts Read(string path, CancellationToken cancellationToken)
    {
        using var model = Model.Load(path);
        var cost = ModelCost.Measure(model);
        var zeros = cost.MeasureSparsity(cancellationToken).Weights.ToDictionary(weight => weight.Value, weight => weight.Zeros);
        var elements = cost.Weights.ToDictionary(weight => weight.Value, weight => weight.Elements);
        var weights = model.Graph.AllGraphs().SelectMany(graph => graph.Initializers)
            .Select(value => new WeightFacts(value.Name, value.Initializer!.ByteLength, elements.GetValueOrDefault(value) - zeros.GetValueOrDefault(value))).ToList();
        return new ModelFacts(
            ModelComparison.BytesOf(path), cost.Parameters, weights.Sum(weight => weight.NonZeros), cost.PerSample.MacsWithAttention, cost.CountedAsOne,
            [.. Compression.Layers.Find(model.Graph).Select(layer => new LayerName(layer.Name, layer.Weight.Name))], weights);
    }
}

/// <summary>A layer and its weight.</summary>
/// <param name="Name">Name of the layer.</param>
/// <param name="Weight">Name of the initializer.</param>
public sealed record LayerName(string Name, string Weight);

/// <summary>An initializer.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="NonZeros">How many of its parameters are not zero.</param>
public sealed record WeightFacts(string Name, long Bytes, long NonZeros);
