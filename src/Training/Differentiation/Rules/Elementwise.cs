using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Operators that work element by element. x is the input, y the output; a unary rule is its derivative dy/dx.</summary>
internal static class Elementwise
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        // Arithmetic
        ["Add"] = n => [n.Gradient, n.Gradient],
        ["Sub"] = n => [n.Gradient, n.Wants(1) ? -n.Gradient : null],
        ["Mul"] = n => [n.Wants(0) ? n.Gradient * n[1] : null, n.Wants(1) ? n.Gradient * n[0] : null],
        ["Div"] = n => [n.Wants(0) ? n.Gradient / n[1] : null, n.Wants(1) ? -(n.Gradient * n.Output / n[1]) : null],
        ["Pow"] = Pow,
        ["Sum"] = n => Enumerable.Repeat(n.Gradient, n.InputCount),
        ["Mean"] = n => Enumerable.Repeat(n.Gradient * (1.0 / n.InputCount), n.InputCount),
        ["Neg"] = n => [-n.Gradient],
        ["Identity"] = n => [n.Gradient],
        ["Cast"] = n => [n.Gradient],
        ["CastLike"] = n => [n.Gradient, null],
        ["Mod"] = n => [n.Gradient, n.Wants(1) ? -(n.Gradient * ((n[0] - n.Output) / n[1])) : null],

        // Steps: the gradient is zero wherever there is one
        ["Floor"] = n => [null],
        ["Ceil"] = n => [null],
        ["Round"] = n => [null],
        ["Sign"] = n => [null],

        ["Hardmax"] = n => [null],

        // Only the shape of the input counts
        ["RandomNormalLike"] = n => [null],
        ["RandomUniformLike"] = n => [null],
        ["EyeLike"] = n => [null],

        // Powers and logarithms
        ["Sqrt"] = Unary((x, y) => 0.5 / y),
        ["Reciprocal"] = Unary((x, y) => -y.Square()),
        ["Exp"] = Unary((x, y) => y),
        ["Log"] = Unary((x, y) => x.Reciprocal()),
        ["Abs"] = Unary((x, y) => x.Sign()),
        ["Erf"] = Unary((x, y) => (-x.Square()).Exp() * (2 / Math.Sqrt(Math.PI))),

        // Trigonometry
        ["Sin"] = Unary((x, y) => x.Cos()),
        ["Cos"] = Unary((x, y) => -x.Sin()),
        ["Tan"] = Unary((x, y) => 1 + y.Square()),
        ["Asin"] = Unary((x, y) => (1 - x.Square()).Sqrt().Reciprocal()),
        ["Acos"] = Unary((x, y) => -(1 - x.Square()).Sqrt().Reciprocal()),
        ["Atan"] = Unary((x, y) => (1 + x.Square()).Reciprocal()),
        ["Sinh"] = Unary((x, y) => (x.Exp() + (-x).Exp()) * 0.5),
        ["Cosh"] = Unary((x, y) => (x.Exp() - (-x).Exp()) * 0.5),
        ["Tanh"] = Unary((x, y) => 1 - y.Square()),
        ["Asinh"] = Unary((x, y) => (x.Square() + 1).Sqrt().Reciprocal()),
        ["Acosh"] = Unary((x, y) => (x.Square() - 1).Sqrt().Reciprocal()),
        ["Atanh"] = Unary((x, y) => (1 - x.Square()).Reciprocal()),

        // Activations
        ["Sigmoid"] = Unary((x, y) => y * (1 - y)),
        ["Softplus"] = Unary((x, y) => x.Sigmoid()),
        ["Softsign"] = Unary((x, y) => (1 - y.Abs()).Square()),
        ["Relu"] = Unary((x, y) => Step(x > 0, x)),
        ["LeakyRelu"] = n => [n.Gradient * (n[0] > 0).Where(n[0].Number(1), n[0].Number(n.Float("alpha", 0.01f)))],
        ["PRelu"] = n => [n.Gradient * (n[0] > 0).Where(n[0].Number(1), n[1]), n.Wants(1) ? n.Gradient * n[0].Min(n[0].Number(0)) : null],
        ["Shrink"] = n => [n.Gradient * Step(n[0].Abs() > n.Float("lambd", 0.5f), n[0])],
        ["ThresholdedRelu"] = n => [n.Gradient * Step(n[0] > n.Float("alpha", 1), n[0])],
        ["Elu"] = n => [n.Gradient * (n[0] > 0).Where(n[0].Number(1), n.Output + n.Float("alpha", 1))],
        ["Celu"] = n => [n.Gradient * (n[0] > 0).Where(n[0].Number(1), (n[0].Min(n[0].Number(0)) / n.Float("alpha", 1)).Exp())],
        ["Selu"] = n => [n.Gradient * (n[0] > 0).Where(n[0].Number(n.Float("gamma", 1.0507009873554805f)), n.Output + (n.Float("alpha", 1.6732632423543772f) * n.Float("gamma", 1.0507009873554805f)))],
        ["HardSigmoid"] = n => [n.Gradient * (Step((n.Output > 0) & (n.Output < 1), n[0]) * n.Float("alpha", 0.2f))],
        ["HardSwish"] = Unary((x, y) => (x / 3 + 0.5) * Step((x > -3) & (x < 3), x) + Step(x >= 3, x)),
        ["Mish"] = Unary((x, y) => MishDerivative(x)),
        ["Swish"] = n => [n.Gradient * SwishDerivative(n[0], n.Float("alpha", 1))],
        ["com.microsoft:QuickGelu"] = n => [n.Builder.UseKernels && n[0].Type == DataType.Float && n.Float("alpha", 1.702f) == 1
            ? n.Builder.Kernel("SiluGrad", [n[0].Value.Type], [n.Gradient, n[0]])[0] : n.Gradient * SwishDerivative(n[0], n.Float("alpha", 1.702f))],
        ["Gelu"] = n => [n.Gradient * (n.Text("approximate", "none") == "tanh" ? TanhGeluDerivative(n[0]) : GeluDerivative(n[0]))],
        ["com.microsoft:Gelu"] = n => [n.Gradient * GeluDerivative(n[0])],
        ["com.microsoft:BiasGelu"] = n => Enumerable.Repeat(n.Gradient * GeluDerivative(n[0] + n[1]), 2),
        ["com.microsoft:FastGelu"] = n => Enumerable.Repeat(n.Gradient * TanhGeluDerivative(n.Optional(1) is { } bias ? n[0] + bias : n[0]), n.InputCount),
    };

    /// <summary>A boolean as 0 or 1 of a type.</summary>
    public static Expr Step(Expr condition, Expr like) => condition.Cast(like.Type);

    private static GradientRule Unary(Func<Expr, Expr, Expr> derivative) => n => [n.Gradient * derivative(n[0], n.Output)];

    private static IEnumerable<Expr?> Pow(GradientContext n)
    {
        var (x, p) = (n[0], n[1].Cast(n[0].Type));
        var byBase = !n.Wants(0) ? null : (n.Builder.ConstantOf(n[1].Value) is { Count: 1 } constant ? ToDouble(constant) : null) switch
        {
            0 => null,
            2 => n.Gradient * (x * 2),
            not null => n.Gradient * p * x.Pow(p - 1),
            // A power of 0 is 1 also where the base is 0, and x^(-1) is infinite.
            null => n.Gradient * p.IsEqualTo(p.Number(0)).Where(p.Number(0), p * x.Pow(p - 1)),
        };

        // Where the base is 0 the logarithm is infinite, but the power does not move with the exponent.
        var byExponent = !n.Wants(1) ? null : n.Gradient * n.Output * (x > 0).Where(x, x.Number(1)).Log();
        return [byBase, byExponent];
    }

    private static double? ToDouble(Tensor tensor) => tensor.Type switch
    {
        DataType.Float => tensor.ToArray<float>()[0],
        DataType.Double => tensor.ToArray<double>()[0],
        DataType.Int64 or DataType.Int32 => tensor.ToInt64s()[0],
        _ => null,
    };

    private static Expr SwishDerivative(Expr x, double alpha)
    {
        var s = (x * alpha).Sigmoid();
        return s + (x * alpha * s * (1 - s));
    }

    private static Expr MishDerivative(Expr x)
    {
        var t = x.Builder.Node("Softplus", [x]).Tanh();
        return t + (x * x.Sigmoid() * (1 - t.Square()));
    }

    private static Expr GeluDerivative(Expr x) =>
        (((x * Math.Sqrt(0.5)).Erf() + 1) * 0.5) + (x * (x.Square() * -0.5).Exp() * (1 / Math.Sqrt(2 * Math.PI)));

    /// <summary>Of <c>x/2 (1 + tanh(c (x + 0.044715 x^3)))</c>, c = sqrt(2/pi) (Hendrycks and Gimpel 2016).</summary>
    private static Expr TanhGeluDerivative(Expr x)
    {
        var c = Math.Sqrt(2 / Math.PI);
        var t = ((x + (x.Square() * x * 0.044715)) * c).Tanh();
        return ((t + 1) * 0.5) + (x * 0.5 * (1 - t.Square()) * ((1 + (x.Square() * (3 * 0.044715))) * c));
    }
}
