namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Dequantization.</summary>
internal static class Quantizations
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["DequantizeLinear"] = Dequantize,
        ["com.microsoft:DequantizeLinear"] = Dequantize,
    };

    private static double[][] Dequantize(Reference r)
    {
        var axis = r.Int("axis", 1) < 0 ? r.Int("axis", 1) + r[0].Rank : r.Int("axis", 1);
        return [Nd.Of(r[0].Dims, index => (r[0][index] - (r.Optional(2)?[index[axis]] ?? 0)) * r[1][index[axis]]).Data];
    }
}
