using System.Text.Json.Nodes;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;

namespace CompressTool.Compression.Evaluation.Images;

/// <summary>What an image costs: multiplications of one evaluation times the evaluations, guidance included, and those of the decoder.</summary>
/// <param name="Macs">Multiply-accumulate operations with weights, for one image.</param>
/// <param name="MacsWithAttention">All of them, those of two computed values included.</param>
public sealed record ImageCost(double Macs, double MacsWithAttention)
{
    /// <summary>Counts the operations.</summary>
    /// <param name="model">The model.</param>
    /// <param name="evaluations">How often it sees each sample.</param>
    /// <param name="shape">The shape of a sample, for dimensions that the model leaves open.</param>
    /// <param name="decoder">Makes images of latents; null where there is none.</param>
    public static ImageCost Of(Model model, int evaluations, IReadOnlyList<long> shape, Model? decoder)
    {
        var (own, rest) = (Count(model, shape), decoder is null ? new SampleCost(0, 0) : Count(decoder, shape));
        return new ImageCost((own.Macs * evaluations) + rest.Macs, (own.MacsWithAttention * evaluations) + rest.MacsWithAttention);
    }

    /// <summary>The cost for stage.json.</summary>
    public JsonObject ToJson() => new() { ["macs"] = Macs, ["macsWithAttention"] = MacsWithAttention };

    private static SampleCost Count(Model model, IReadOnlyList<long> shape)
    {
        var input = model.Graph.Inputs.First(input => input.Shape is { Count: var count } && count == shape.Count + 1);
        var bindings = input.Shape!.Skip(1).Zip(shape).Where(pair => pair.First.Symbol is { Length: > 0 }).DistinctBy(pair => pair.First.Symbol).ToDictionary(pair => pair.First.Symbol!, pair => pair.Second);
        return ModelCost.Measure(model, bindings).PerSample;
    }
}
