namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Elements by index.</summary>
internal static class Indexings
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["OneHot"] = OneHot,
    };

    private static double[][] OneHot(Reference r)
    {
        var (indices, depth, values) = (r[0], (int)r[1][0], r[2]);
        var axis = r.Int("axis", -1) < 0 ? r.Int("axis", -1) + indices.Rank + 1 : r.Int("axis", -1);
        return
        [
            Nd.Of([.. indices.Dims[..axis], depth, .. indices.Dims[axis..]], index =>
            {
                var named = indices[[.. index[..axis], .. index[(axis + 1)..]]];
                return values[(named < 0 ? named + depth : named) == index[axis] ? 1 : 0];
            }).Data,
        ];
    }
}
