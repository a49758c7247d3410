namespace CompressTool.Recipes.Reports;

/// <summary>What is left of a layer's weight.</summary>
/// <param name="Name">The layer; null for all that is no layer's weight: biases, norms, embeddings.</param>
/// <param name="BytesBefore">Bytes of the weight in the model that was there first.</param>
/// <param name="Bytes">Bytes now, with the scales of quantization.</param>
/// <param name="NonZerosBefore">Numbers other than zero at first.</param>
/// <param name="NonZeros">Those now.</param>
public sealed record LayerSize(string? Name, long BytesBefore, long Bytes, long NonZerosBefore, long NonZeros)
{
    /// <summary>The layers of a model, and what has become of each in a model that was made from it.</summary>
    /// <returns>The layers in order, and the rest last; empty when the two have no weight in common.</returns>
    /// <remarks>
    /// Quantization puts tensors in a weight's place that have its name with something behind it: <c>conv.weight_quantized</c>,
    /// <c>conv.weight_scale</c>. A layer that is gone has no bytes left.
    /// </remarks>
    public static IReadOnlyList<LayerSize> Compare(ModelFacts before, ModelFacts after)
    {
        var layers = before.Layers.DistinctBy(layer => layer.Weight).ToDictionary(layer => layer.Weight, StringComparer.Ordinal);
        var known = before.Weights.Select(weight => weight.Name).ToHashSet(StringComparer.Ordinal);
        var first = Sums(before.Weights, name => layers.GetValueOrDefault(name)?.Name);
        var now = Sums(after.Weights, name => Origin(name) is { } origin ? layers.GetValueOrDefault(origin)?.Name : null);
        return !after.Weights.Any(weight => Origin(weight.Name) is { } origin && layers.ContainsKey(origin)) ? []
            : [.. layers.Values.Select(layer => layer.Name).Append("").Select(name => new LayerSize(
                name.Length == 0 ? null : name, first.GetValueOrDefault(name).Bytes, now.GetValueOrDefault(name).Bytes, first.GetValueOrDefault(name).NonZeros, now.GetValueOrDefault(name).NonZeros))];

        // The longest name of the first model that the name begins with.
        string? Origin(string name)
        {
            for (var end = name.Length; end > 0; end = name.LastIndexOf('_', end - 1))
            {
                if (known.Contains(name[..end]))
                {
                    return name[..end];
                }
            }

            return null;
        }
    }

    private static Dictionary<string, (long Bytes, long NonZeros)> Sums(IEnumerable<WeightFacts> weights, Func<string, string?> layer) =>
        weights.GroupBy(weight => layer(weight.Name) ?? "").ToDictionary(group => group.Key, group => (group.Sum(weight => weight.Bytes), group.Sum(weight => weight.NonZeros)), StringComparer.Ordinal);
}
