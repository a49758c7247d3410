namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Pooling.</summary>
internal static class Poolings
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["MaxPool"] = r => Pool(r, (values, _) => values.Max()),
        ["AveragePool"] = r => Pool(r, (values, padded) => values.Sum() / (r.Int("count_include_pad", 0) == 1 ? padded : values.Count)),
        ["LpPool"] = r => Pool(r, (values, _) => Norm(values, r.Int("p", 2))),
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

    private static double[][] Global(Reference r, Func<IEnumerable<double>, double> function) =>
        [[.. Normalizations.Slices(r[0].Dims, [.. Enumerable.Range(2, r[0].Rank - 2)]).Select(slice => function(slice.Select(index => r[0][index])))]];

    private static double Norm(IEnumerable<double> values, int p) => Math.Pow(values.Sum(x => Math.Pow(Math.Abs(x), p)), 1.0 / p);
}
