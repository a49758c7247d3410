using CompressTool.Onnx;

namespace CompressTool.Compression.Sampling;

/// <summary>Height and width of the samples of a model that leaves them open.</summary>
internal static class SampleSize
{
    /// <summary>The size that is wished for, or the one that the model is made for (<see cref="UsualDims"/>); null when neither says.</summary>
    /// <param name="model">The model.</param>
    /// <param name="given">One number, two, or none.</param>
    public static long[]? Of(Model model, IReadOnlyList<int> given)
    {
        if (given.Count > 0)
        {
            return [given[0], given[^1]];
        }

        var usual = UsualDims.Of(model);
        return model.Graph.Inputs.FirstOrDefault(input => input.Shape is { Count: 4 })?.Shape is [_, _, var height, var width] && Length(height) is { } h && Length(width) is { } w ? [h, w] : null;

        long? Length(Dim dim) => dim.Value ?? (usual.TryGetValue(dim.Symbol ?? "", out var length) ? length : null);
    }
}
