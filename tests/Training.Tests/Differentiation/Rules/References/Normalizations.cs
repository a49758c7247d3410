namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Normalisations.</summary>
internal static class Normalizations
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["InstanceNormalization"] = r => [Affine(Standardize(r[0], [.. Enumerable.Range(2, r[0].Rank - 2)], r.Float("epsilon", 1e-5f)), r[1], r[2]).Data],
        ["BatchNormalization"] = r => [Batch(r).Data],
        ["GroupNormalization"] = r => [Group(r).Data],
        ["com.microsoft:SkipLayerNormalization"] = r => Skip(r, 4, (sum, epsilon) => Standardize(sum, [sum.Rank - 1], epsilon)),
        ["com.microsoft:SkipSimplifiedLayerNormalization"] = r => Skip(r, 3, (sum, epsilon) => RootMeanSquare(sum, [sum.Rank - 1], epsilon)),
        ["com.microsoft:GroupNorm"] = r => [MicrosoftGroup(r, r[0]).Data],
        ["com.microsoft:SkipGroupNorm"] = r => MicrosoftSkipGroup(r),
        ["MeanVarianceNormalization"] = r => [Standardize(r[0], r.Ints("axes") ?? [0, 2, 3], 0).Data],
        ["LRN"] = LocalResponse,
        ["LpNormalization"] = ByNorm,
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
        var axis = r.Int("axis", -1) < 0 ? r.Int("axis", -1) + r[0].Rank : r.Int("axis", -1);
        var normalized = RootMeanSquare(r[0], [.. Enumerable.Range(axis, r[0].Rank - axis)], r.Float("epsilon", 1e-5f));
        return Nd.Of(normalized.Dims, index => normalized[index] * r[1][index]);
    }

    private static Nd RootMeanSquare(Nd x, int[] axes, double epsilon)
    {
        var result = Nd.Zeros(x.Dims);
        foreach (var slice in Slices(x.Dims, axes))
        {
            var norm = Math.Sqrt(slice.Average(index => x[index] * x[index]) + epsilon);
            slice.ForEach(index => result[index] = x[index] / norm);
        }

        return result;
    }

    private static Nd Batch(Reference r)
    {
        var (x, epsilon) = (r[0], r.Float("epsilon", 1e-5f));
        return Affine(r.Int("training_mode", 0) == 1 ? Standardize(x, [0, .. Enumerable.Range(2, x.Rank - 2)], epsilon)
            : Nd.Of(x.Dims, index => (x[index] - r[3][index[1]]) / Math.Sqrt(r[4][index[1]] + epsilon)), r[1], r[2]);
    }

    private static Nd Group(Reference r)
    {
        var (x, groups) = (r[0], r.Int("num_groups", 1));
        var perGroup = x.Dims[1] / groups;
        var z = Standardize(x.Reshape([x.Dims[0], groups, perGroup, .. x.Dims[2..]]), [.. Enumerable.Range(2, x.Rank - 1)], r.Float("epsilon", 1e-5f)).Reshape(x.Dims);
        return Nd.Of(x.Dims, index => r.Setting.Opset < 21 ? (z[index] * r[1][index[1] / perGroup]) + r[2][index[1] / perGroup] : (z[index] * r[1][index[1]]) + r[2][index[1]]);
    }

    private static double[][] MicrosoftSkipGroup(Reference r)
    {
        var other = r[3].Rank == 2 ? r[3].Reshape(r[3].Dims[0], 1, 1, r[3].Dims[1]) : r[3];
        var sum = Nd.Of(r[0].Dims, index => r[0][index] + other[index] + (r.Optional(4)?[index] ?? 0));
        return r.Setting.Outputs == "1" ? [MicrosoftGroup(r, sum).Data] : [MicrosoftGroup(r, sum).Data, sum.Data];
    }

    private static Nd MicrosoftGroup(Reference r, Nd x)
    {
        var axis = r.Int("channels_last", 1) == 1 ? 3 : 1;
        var perGroup = x.Dims[axis] / r.Int("groups", 1);
        var result = Nd.Zeros(x.Dims);
        foreach (var group in Nd.Indices(x.Dims).Select(index => (int[])[.. index]).GroupBy(index => (index[0], index[axis] / perGroup)))
        {
            var mean = group.Average(index => x[index]);
            var deviation = Math.Sqrt(group.Average(index => Math.Pow(x[index] - mean, 2)) + r.Float("epsilon", 1e-5f));
            foreach (var index in group)
            {
                var y = ((x[index] - mean) / deviation * r[1][index[axis]]) + r[2][index[axis]];
                result[index] = r.Int("activation", 0) == 1 ? y * Activations.Sigmoid(y) : y;
            }
        }

        return result;
    }

    private static double[][] Skip(Reference r, int sumBias, Func<Nd, double, Nd> normalize)
    {
        var sum = Nd.Of(r[0].Dims, index => r[0][index] + r[1][index] + (r.Optional(sumBias)?[index] ?? 0));
        var z = normalize(sum, r.Float("epsilon", 1e-12f));
        var result = Nd.Of(sum.Dims, index => (z[index] * r[2][index]) + (sumBias == 4 ? r.Optional(3)?[index] ?? 0 : 0));
        return r.Setting.Outputs == "1" ? [result.Data] : [result.Data, sum.Data];
    }

    private static double[][] LocalResponse(Reference r)
    {
        var (x, size) = (r[0], r.Int("size", 1));
        return
        [
            Nd.Of(x.Dims, index =>
            {
                var (from, to) = (Math.Max(0, index[1] - ((size - 1) / 2)), Math.Min(x.Dims[1] - 1, index[1] + size - 1 - ((size - 1) / 2)));
                var sum = Enumerable.Range(from, to - from + 1).Sum(channel => Math.Pow(x[[index[0], channel, .. index[2..]]], 2));
                return x[index] / Math.Pow(r.Float("bias", 1) + (r.Float("alpha", 1e-4f) / size * sum), r.Float("beta", 0.75f));
            }).Data,
        ];
    }

    private static double[][] ByNorm(Reference r)
    {
        var (x, result) = (r[0], Nd.Zeros(r[0].Dims));
        var axis = r.Int("axis", -1) < 0 ? r.Int("axis", -1) + x.Rank : r.Int("axis", -1);
        foreach (var slice in Slices(x.Dims, [axis]))
        {
            var norm = r.Int("p", 2) == 1 ? slice.Sum(index => Math.Abs(x[index])) : Math.Sqrt(slice.Sum(index => x[index] * x[index]));
            slice.ForEach(index => result[index] = x[index] / norm);
        }

        return [result.Data];
    }
}
