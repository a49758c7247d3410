namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Convolutions.</summary>
internal static class Convolutions
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["Conv"] = r => [Conv(r).Data],
        ["ConvTranspose"] = ConvTranspose,
    };

    public static Nd Conv(Reference r)
    {
        var (x, w, bias) = (r[0], r[1], r.Optional(2));
        var (groups, spatial) = (r.Int("group", 1), x.Dims[2..]);
        var (perGroup, filters) = (w.Dims[1], w.Dims[0] / groups);
        var geometry = new WindowGeometry(r, w.Dims[2..]);
        var result = Nd.Zeros([x.Dims[0], w.Dims[0], .. geometry.Outputs(spatial)]);
        foreach (var index in Nd.Indices(result.Dims))
        {
            var sum = bias?[index[1]] ?? 0;
            foreach (var (place, at) in geometry.Window(index[2..]).Where(window => WindowGeometry.IsInside(window.Input, spatial)))
            {
                for (var channel = 0; channel < perGroup; channel++)
                {
                    sum += x[[index[0], (index[1] / filters * perGroup) + channel, .. at]] * w[[index[1], channel, .. place]];
                }
            }

            result[index] = sum;
        }

        return result;
    }

    private static double[][] ConvTranspose(Reference r)
    {
        var (x, w, bias) = (r[0], r[1], r.Optional(2));
        var groups = r.Int("group", 1);
        var (perGroup, filters) = (x.Dims[1] / groups, w.Dims[1]);
        var geometry = new WindowGeometry(r, w.Dims[2..]);
        var spatial = geometry.TransposedOutputs(x.Dims[2..]);
        var result = Nd.Of([x.Dims[0], filters * groups, .. spatial], index => bias?[index[1]] ?? 0);
        foreach (var index in Nd.Indices(x.Dims))
        {
            foreach (var (place, at) in geometry.Window(index[2..]).Where(window => WindowGeometry.IsInside(window.Input, spatial)))
            {
                for (var filter = 0; filter < filters; filter++)
                {
                    result[[index[0], (index[1] / perGroup * filters) + filter, .. at]] += x[index] * w[[index[1], filter, .. place]];
                }
            }
        }

        return [result.Data];
    }
}
