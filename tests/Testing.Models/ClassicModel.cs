using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>A model of a well-known architecture, made anew by each call.</summary>
/// <param name="Name">Its name; the part behind the slash says in which form it is.</param>
/// <param name="Build">Makes it.</param>
public sealed record ClassicModel(string Name, Func<Model> Build)
{
    /// <summary>Integers of its inputs are below this.</summary>
    public int Vocabulary { get; init; } = 1;

    /// <summary>Whether its batch (and the length of its sequences) is open.</summary>
    public bool IsDynamic => Name.Contains("dynamic", StringComparison.Ordinal);

    /// <summary>Random inputs by name: floats of a standard normal distribution, integers of the vocabulary, masks that leave the first place open.</summary>
    /// <param name="model">The model.</param>
    /// <param name="batch">Size of the batch where it is open.</param>
    /// <param name="sequence">Length of sequences where it is open.</param>
    /// <param name="seed">Chooses the numbers.</param>
    public IReadOnlyDictionary<string, Tensor> Inputs(Model model, int batch = 2, int sequence = 6, int seed = 0) => model.Graph.Inputs.ToDictionary(input => input.Name, input =>
    {
        long[] dims = [.. input.Shape!.Select(dim => dim.Value ?? (dim.Symbol == "batch" ? batch : sequence))];
        return input.ElementType == DataType.Float ? RandomTensors.Normal($"{input.Name} {seed}", 0, 1, dims)
            : input.Name == "attention_mask" ? Mask(dims)
            : RandomTensors.Integers($"{input.Name} {seed}", Vocabulary, dims);
    });

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Ones, but for the last place of every second row.</summary>
    private static Tensor Mask(long[] dims)
    {
        var mask = new long[dims[0] * dims[1]];
        for (var index = 0; index < mask.Length; index++)
        {
            mask[index] = index % (2 * dims[1]) == dims[1] - 1 ? 0 : 1;
        }

        return Tensor.Create<long>(DataType.Int64, dims, mask);
    }
}
