namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Normalisations.</summary>
internal static class Normalizations
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["InstanceNormalization"] = r => [Affine(Standardize(r[0], [.. Enumerable.Range(2, r[0].Rank - 2)], r.Float("epsilon", 1e-5f)), r[1], r[2]).Data],
        ["RMSNormalization"] = r => [RootMeanSquare(r).Data],
        ["SimplifiedLayerNormalization"] = r => [RootMeanSquare(r).Data],
    };

    /// <summary>Zero mean and unit variance over some axes.</summary>
    public static Nd Standardize(Nd x, int[] axes, double epsilon)
    {
        var result = Nd.Zeros(x.Dims);
        foreach (var slice in Slices(x.Dims, axes))
        {
            var mean = slice.Average(index => x[index]);
            var deviation = Math.Sqrt(slice.Average(index => Math.Pow(x[index] - mean, 2)) + epsilon);
            foreach (var index in slice)
            {
                result[index] = (x[index] - mean) / deviation;
            }
        }

        return result;
    }

    /// <summary>The indices that share all coordinates but those of some axes.</summary>
    public static IEnumerable<List<int[]>> Slices(int[] dims, int[] axes) =>
        Nd.Indices(dims).Select(index => (int[])[.. index]).GroupBy(index => string.Join(',', index.Where((_, axis) => !axes.Contains(axis)))).Select(group => group.ToList());

    /// <summary>A scale and a bias by channel.</summary>
    public static Nd Affine(Nd x, Nd scale, Nd bias) => Nd.Of(x.Dims, index => (x[index] * scale[index[1]]) + bias[index[1]]);

    private static Nd RootMeanSquare(Reference r)
    {
        var x = r[0];
        var axis = r.Int("axis", -1);
        var result = Nd.Zeros(x.Dims);
        foreach (var slice in Slices(x.Dims, [.. Enumerable.Range(axis < 0 ? axis + x.Rank : axis, axis < 0 ? -axis : x.Rank - axis)]))
        {
            var norm = Math.Sqrt(slice.Average(index => x[index] * x[index]) + r.Float("epsilon", 1e-5f));
            foreach (var index in slice)
            {
                result[index] = x[index] / norm * r[1][index];
            }
        }

        return result;
    }
}
