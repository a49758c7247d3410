namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Functions of one number.</summary>
internal static class Activations
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["Cast"] = Unary(x => x),

        // Whatever is drawn, it does not depend on the numbers.
        ["RandomNormalLike"] = Unary(_ => 0.5),
        ["RandomUniformLike"] = Unary(_ => 0.5),
        ["Mean"] = Mean,
        ["Hardmax"] = r => [r[0].Rank == 0 ? [1] : Nd.Of(r[0].Dims, index => Enumerable.Range(0, r[0].Dims[^1]).All(other => r[0][[.. index[..^1], other]] <= r[0][index]) ? 1 : 0).Data],
        ["Erf"] = Unary(Erf),
        ["Tan"] = Unary(Math.Tan),
        ["Asin"] = Unary(Math.Asin),
        ["Acos"] = Unary(Math.Acos),
        ["Atan"] = Unary(Math.Atan),
        ["Sinh"] = Unary(Math.Sinh),
        ["Cosh"] = Unary(Math.Cosh),
        ["Asinh"] = Unary(Math.Asinh),
        ["Acosh"] = Unary(Math.Acosh),
        ["Atanh"] = Unary(Math.Atanh),
        ["Softplus"] = Unary(Softplus),
        ["Softsign"] = Unary(x => x / (1 + Math.Abs(x))),
        ["Mish"] = Unary(x => x * Math.Tanh(Softplus(x))),
        ["HardSwish"] = Unary(x => x * Math.Clamp((x / 6) + 0.5, 0, 1)),
        ["HardSigmoid"] = r => Map(r, x => Math.Clamp((r.Float("alpha", 0.2f) * x) + r.Float("beta", 0.5f), 0, 1)),
        ["LeakyRelu"] = r => Map(r, x => x > 0 ? x : r.Float("alpha", 0.01f) * x),
        ["ThresholdedRelu"] = r => Map(r, x => x > r.Float("alpha", 1) ? x : 0),
        ["Shrink"] = r => Map(r, x => x < -r.Float("lambd", 0.5f) ? x + r.Float("bias", 0) : x > r.Float("lambd", 0.5f) ? x - r.Float("bias", 0) : 0),
        ["Elu"] = r => Map(r, x => x > 0 ? x : r.Float("alpha", 1) * (Math.Exp(x) - 1)),
        ["Celu"] = r => Map(r, x => x > 0 ? x : r.Float("alpha", 1) * (Math.Exp(x / r.Float("alpha", 1)) - 1)),
        ["Selu"] = r => Map(r, x => r.Float("gamma", 1.0507009873554805f) * (x > 0 ? x : r.Float("alpha", 1.6732632423543772f) * (Math.Exp(x) - 1))),
        ["Gelu"] = r => Map(r, r.Text("approximate", "none") == "tanh" ? TanhGelu : Gelu),
        ["com.microsoft:Gelu"] = Unary(Gelu),
        ["com.microsoft:BiasGelu"] = r => [WithBias(r, Gelu)],
        ["com.microsoft:FastGelu"] = r => [WithBias(r, TanhGelu)],
        ["com.microsoft:QuickGelu"] = r => Map(r, x => x * Sigmoid(x * r.Float("alpha", 1.702f))),
        ["Swish"] = r => Map(r, x => x * Sigmoid(x * r.Float("alpha", 1))),
    };

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static double Gelu(double x) => x / 2 * (1 + Erf(x / Math.Sqrt(2)));

    public static double TanhGelu(double x) => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    public static double Softplus(double x) => Math.Log(1 + Math.Exp(x));

    /// <summary>By its series, exact to double precision for the small numbers of these tests.</summary>
    public static double Erf(double x)
    {
        var (term, sum) = (x, x);
        for (var n = 1; Math.Abs(term) > 1e-18; n++)
        {
            term *= -x * x / n;
            sum += term / ((2 * n) + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }

    private static Func<Reference, double[][]> Unary(Func<double, double> function) => r => Map(r, function);

    private static double[][] Map(Reference r, Func<double, double> function) => [r[0].Map(function).Data];

    private static double[][] Mean(Reference r)
    {
        var inputs = Enumerable.Range(0, r.InputCount).Select(input => r[input]).ToArray();
        return [Nd.Of(inputs.Select(input => input.Dims).Aggregate(Nd.Broadcast), index => inputs.Average(input => input[index])).Data];
    }

    private static double[] WithBias(Reference r, Func<double, double> function) =>
        Nd.Of(r[0].Dims, index => function(r[0][index] + (r.Optional(1)?[index] ?? 0))).Data;
}
