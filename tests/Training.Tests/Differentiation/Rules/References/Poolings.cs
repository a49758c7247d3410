namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Pooling.</summary>
internal static class Poolings
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["MaxPool"] = r => Pool(r, (values, _) => values.Max()),
        ["AveragePool"] = r => Pool(r, (values, padded) => values.Sum() / (r.Int("count_include_pad", 0) == 1 ? padded : values.Count)),
        ["LpPool"] = r => Pool(r, (values, _) => Norm(values, r.Int("p", 2))),
        ["Col2Im"] = Col2Im,
        ["MaxUnpool"] = MaxUnpool,
        ["GlobalAveragePool"] = r => Global(r, values => values.Average()),
        ["GlobalMaxPool"] = r => Global(r, values => values.Max()),
        ["GlobalLpPool"] = r => Global(r, values => Norm(values, r.Int("p", 2))),
    };

    /// <summary>A function of the elements in each window, and of how many places it has that are not beyond the padding.</summary>
    private static double[][] Pool(Reference r, Func<List<double>, int, double> function)
    {
        var (x, spatial) = (r[0], r[0].Dims[2..]);
        var geometry = new WindowGeometry(r, r.Ints("kernel_shape")!);
        int[] dims = [.. x.Dims[..2], .. geometry.Outputs(spatial, r.Int("ceil_mode", 0) == 1)];
        return
        [
            Nd.Of(dims, index =>
            {
                var places = geometry.Window(index[2..]).Select(window => window.Input).ToArray();
                var padded = places.Count(place => place.Index().All(axis => axis.Item < spatial[axis.Index] + geometry.Pads[axis.Index + spatial.Length]));
                return function([.. places.Where(place => WindowGeometry.IsInside(place, spatial)).Select(place => x[[index[0], index[1], .. place]])], padded);
            }).Data,
        ];
    }

    /// <summary>Every window is added to the image where it lies.</summary>
    private static double[][] Col2Im(Reference r)
    {
        int[] image = [.. r[1].Data.Select(size => (int)size)], block = [.. r[2].Data.Select(size => (int)size)];
        var geometry = new WindowGeometry(r, block);
        var (places, outputs) = (block.Aggregate(1, (a, b) => a * b), geometry.Outputs(image));
        var result = Nd.Zeros([r[0].Dims[0], r[0].Dims[1] / places, .. image]);
        foreach (var index in Nd.Indices(result.Dims[..2]))
        {
            foreach (var (number, output) in Nd.Indices(outputs).Select((output, number) => (number, output.ToArray())))
            {
                foreach (var (place, input) in geometry.Window(output).Select((window, place) => (place, window.Input)).Where(pair => WindowGeometry.IsInside(pair.Item2, image)))
                {
                    result[[.. index, .. input]] += r[0][index[0], (index[1] * places) + place, number];
                }
            }
        }

        return [result.Data];
    }

    /// <summary>Every number at the place of the whole output that its index names.</summary>
    private static double[][] MaxUnpool(Reference r)
    {
        int[] kernel = r.Ints("kernel_shape")!, strides = r.Ints("strides")!;
        var count = r.Optional(2) is { } shape ? shape.Data.Aggregate(1.0, (a, b) => a * b)
            : r[0].Dims[..2].Concat(kernel.Select((size, axis) => ((r[0].Dims[axis + 2] - 1) * strides[axis]) + size)).Aggregate(1.0, (a, b) => a * b);
        var result = new double[(int)count];
        foreach (var (number, index) in r[0].Data.Zip(r[1].Data))
        {
            result[(int)index] = number;
        }

        return [result];
    }

    private static double[][] Global(Reference r, Func<IEnumerable<double>, double> function) =>
        [[.. Normalizations.Slices(r[0].Dims, [.. Enumerable.Range(2, r[0].Rank - 2)]).Select(slice => function(slice.Select(index => r[0][index])))]];

    private static double Norm(IEnumerable<double> values, int p) => Math.Pow(values.Sum(x => Math.Pow(Math.Abs(x), p)), 1.0 / p);
}
