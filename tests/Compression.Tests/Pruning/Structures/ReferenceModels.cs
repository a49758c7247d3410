using CompressTool.Onnx;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Pruning.Structures;

/// <summary>Models that PyTorch has exported: those among the fixtures, and the others where the oracles are.</summary>
internal static class ReferenceModels
{
    /// <summary>Loads a model by its path; inconclusive when it is not here.</summary>
    public static Model Load(string name)
    {
        var parts = name.Split('/');
        var path = Repository.Fixture(parts);
        path = File.Exists(path) ? path : Repository.Oracle(parts);
        if (path is null)
        {
            Assert.Inconclusive("The oracles are not here.");
        }

        return Model.Load(path);
    }

    /// <summary>Random inputs, one sample where the batch is open.</summary>
    /// <param name="model">The model.</param>
    /// <param name="size">Height and width where they are open.</param>
    public static IReadOnlyDictionary<string, Tensor> Inputs(Model model, int size) => model.Graph.Inputs.ToDictionary(input => input.Name, input =>
    {
        long[] dims = [.. input.Shape!.Select((dim, axis) => dim.Value ?? (axis == 0 ? 1 : size))];
        return input.ElementType == DataType.Float ? RandomTensors.Normal(input.Name, 0, 1, dims) : RandomTensors.Integers(input.Name, 40, dims);
    });
}
