namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Products with an activation.</summary>
internal static class Fusions
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["com.microsoft:FusedConv"] = FusedConv,
        ["com.microsoft:FusedGemm"] = FusedGemm,
        ["com.microsoft:TransposeMatMul"] = r => [TransposeMatMul(r).Data],
        ["com.microsoft:BiasAdd"] = r => [Nd.Of(r[0].Dims, index => r[0][index] + r[1][index] + r[2][index]).Data],
        ["com.microsoft:BiasSplitGelu"] = r => [BiasSplitGelu(r).Data],
    };

    private static double[][] FusedConv(Reference r)
    {
        var product = Convolutions.Conv(r);
        return [Nd.Of(product.Dims, index => Activate(r, product[index] + (r.Optional(3)?[index] ?? 0), r.Floats("activation_params"))).Data];
    }

    private static double[][] FusedGemm(Reference r)
    {
        var (a, b) = (TransposedLast(r[0], r.Int("transA", 0)), TransposedLast(r[1], r.Int("transB", 0)));
        return
        [
            Nd.Of([a.Dims[0], b.Dims[1]], index => Activate(r,
                (r.Float("alpha", 1) * Enumerable.Range(0, a.Dims[1]).Sum(k => a[index[0], k] * b[k, index[1]])) + (r.Float("beta", 1) * (r.Optional(2)?[index] ?? 0)),
                [(float)r.Float("activation_alpha", 0)])).Data,
        ];
    }

    private static Nd BiasSplitGelu(Reference r)
    {
        var half = r[0].Dims[2] / 2;
        double Sum(int[] index, int shift) => r[0][index[0], index[1], index[2] + shift] + r[1][index[2] + shift];
        return Nd.Of([r[0].Dims[0], r[0].Dims[1], half], index => Sum(index, 0) * Activations.Gelu(Sum(index, half)));
    }

    private static Nd TransposeMatMul(Reference r)
    {
        var (a, b) = (TransposedLast(r[0], r.Int("transA", 0)), TransposedLast(r[1], r.Int("transB", 0)));
        return Nd.Of([.. Nd.Broadcast(a.Dims[..^2], b.Dims[..^2]), a.Dims[^2], b.Dims[^1]],
            index => r.Float("alpha", 1) * Enumerable.Range(0, a.Dims[^1]).Sum(k => a[[.. index[..^1], k]] * b[[.. index[..^2], k, index[^1]]]));
    }

    private static Nd TransposedLast(Nd x, int isTransposed) =>
        isTransposed == 0 ? x : Nd.Of([.. x.Dims[..^2], x.Dims[^1], x.Dims[^2]], index => x[[.. index[..^2], index[^1], index[^2]]]);

    private static double Activate(Reference r, double x, float[] parameters) => r.Text("activation", "") switch
    {
        "Relu" => Math.Max(x, 0),
        "Tanh" => Math.Tanh(x),
        "Sigmoid" => Activations.Sigmoid(x),
        "LeakyRelu" => x > 0 ? x : parameters[0] * x,
        "Clip" => Math.Clamp(x, parameters[0], parameters[1]),
        _ => Math.Clamp((parameters[0] * x) + parameters[1], 0, 1),
    };
}
