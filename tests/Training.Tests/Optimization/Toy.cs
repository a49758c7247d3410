using CompressTool.Onnx;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Tests.Optimization;

/// <summary>Parameters of many sizes with reproducible content.</summary>
internal static class Toy
{
    /// <summary>Sizes around the width of vectors and the length of a chunk; none at all too.</summary>
    public static (string Name, long[] Dims)[] Shapes { get; } =
    [
        ("scalar", []), ("one", [1]), ("fifteen", [15]), ("sixteen", [4, 4]), ("seventeen", [17]), ("empty", [0, 3]),
        ("conv.weight", [8, 4, 3, 3]), ("large", [257, 513]), ("tail", [3]),
    ];

    public static ParameterSet Parameters(int seed = 1, IEnumerable<(string Name, long[] Dims)>? shapes = null)
    {
        var random = new System.Random(seed);
        return ParameterSet.Create((shapes ?? Shapes).Select(shape =>
            KeyValuePair.Create(shape.Name, Tensor.Floats(shape.Dims, Numbers(random, shape.Dims.Aggregate(1L, (a, b) => a * b))))));
    }

    public static void FillGradients(ParameterSet parameters, System.Random random, double scale = 1)
    {
        foreach (var array in parameters.Gradients.Arrays)
        {
            Numbers(random, array.Count, scale).CopyTo(array.AsSpan<float>());
        }
    }

    public static float[] Numbers(System.Random random, long count, double scale = 1) =>
        [.. Enumerable.Range(0, (int)count).Select(_ => (float)(scale * ((2 * random.NextDouble()) - 1)))];

    public static float[] Flat(ParameterBlock block) => [.. block.Arrays.SelectMany(array => array.AsSpan<float>().ToArray())];

    /// <summary>All bits, padding included.</summary>
    public static unsafe byte[] Bytes(ParameterBlock block) => new ReadOnlySpan<byte>(block.Pointer, (int)block.Layout.Length * sizeof(float)).ToArray();
}
