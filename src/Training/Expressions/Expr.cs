using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Expressions;

/// <summary>
/// A value of a graph under construction. Operators and methods append operations to the graph, so that a loss or a gradient
/// reads like its formula; numbers are constants of the operand's type, and shapes broadcast as in NumPy.
/// </summary>
public sealed partial class Expr
{
    internal Expr(GraphBuilder builder, Value value)
    {
        Builder = builder;
        Value = value;
    }

    /// <summary>Where it is built.</summary>
    public GraphBuilder Builder { get; }

    /// <summary>The value in the graph.</summary>
    public Value Value { get; }

    /// <summary>Element type.</summary>
    public DataType Type => Value.ElementType;

    /// <summary>The dimensions.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">They are not all known as numbers (CMP7002).</exception>
    public long[] Dims => Value.Shape?.ToArray() ?? throw Errors.UnknownShape(Value);

    /// <summary>Number of dimensions.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">It is not known (CMP7002).</exception>
    public int Rank => Value.Shape?.Count ?? throw Errors.UnknownShape(Value);

    /// <summary>Number of elements.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">It is not known (CMP7002).</exception>
    public long Count => Dims.Aggregate(1L, (count, dim) => count * dim);

    /// <summary>Element-wise sum.</summary>
    public static Expr operator +(Expr a, Expr b) => a.Node("Add", b);

    /// <summary>Element-wise sum with a number.</summary>
    public static Expr operator +(Expr a, double b) => a + a.Number(b);

    /// <summary>Element-wise sum with a number.</summary>
    public static Expr operator +(double a, Expr b) => b.Number(a) + b;

    /// <summary>Element-wise difference.</summary>
    public static Expr operator -(Expr a, Expr b) => a.Node("Sub", b);

    /// <summary>Element-wise difference with a number.</summary>
    public static Expr operator -(Expr a, double b) => a - a.Number(b);

    /// <summary>Element-wise difference with a number.</summary>
    public static Expr operator -(double a, Expr b) => b.Number(a) - b;

    /// <summary>Element-wise product.</summary>
    public static Expr operator *(Expr a, Expr b) => a.Node("Mul", b);

    /// <summary>Element-wise product with a number.</summary>
    public static Expr operator *(Expr a, double b) => b == 1 ? a : a * a.Number(b);

    /// <summary>Element-wise product with a number.</summary>
    public static Expr operator *(double a, Expr b) => a == 1 ? b : b.Number(a) * b;

    /// <summary>Element-wise quotient.</summary>
    public static Expr operator /(Expr a, Expr b) => a.Node("Div", b);

    /// <summary>Element-wise quotient with a number.</summary>
    public static Expr operator /(Expr a, double b) => a / a.Number(b);

    /// <summary>Element-wise quotient with a number.</summary>
    public static Expr operator /(double a, Expr b) => b.Number(a) / b;

    /// <summary>Element-wise negation.</summary>
    public static Expr operator -(Expr a) => a.Node("Neg");

    /// <summary>Element-wise comparison.</summary>
    public static Expr operator >(Expr a, Expr b) => a.Node("Greater", b);

    /// <summary>Element-wise comparison.</summary>
    public static Expr operator <(Expr a, Expr b) => a.Node("Less", b);

    /// <summary>Element-wise comparison with a number.</summary>
    public static Expr operator >(Expr a, double b) => a > a.Number(b);

    /// <summary>Element-wise comparison with a number.</summary>
    public static Expr operator <(Expr a, double b) => a < a.Number(b);

    /// <summary>Element-wise comparison.</summary>
    public static Expr operator >=(Expr a, Expr b) => a.Node("GreaterOrEqual", b);

    /// <summary>Element-wise comparison.</summary>
    public static Expr operator <=(Expr a, Expr b) => a.Node("LessOrEqual", b);

    /// <summary>Element-wise comparison with a number.</summary>
    public static Expr operator >=(Expr a, double b) => a >= a.Number(b);

    /// <summary>Element-wise comparison with a number.</summary>
    public static Expr operator <=(Expr a, double b) => a <= a.Number(b);

    /// <summary>Both, of booleans.</summary>
    public static Expr operator &(Expr a, Expr b) => a.Node("And", b);

    /// <summary>Either, of booleans.</summary>
    public static Expr operator |(Expr a, Expr b) => a.Node("Or", b);

    /// <summary>The contrary, of booleans.</summary>
    public static Expr operator !(Expr a) => a.Node("Not");

    /// <summary>Element-wise comparison.</summary>
    public Expr IsEqualTo(Expr other) => Node("Equal", other);

    /// <summary>A constant of this type.</summary>
    public Expr Number(double number) => Builder.Scalar(number, Type);

    /// <summary>Zeros of this type and shape.</summary>
    public Expr ZerosLike() => Builder.Full(0, Type, Dims);

    /// <summary>The elements as another type.</summary>
    public Expr Cast(DataType type) => type == Type ? this : Node("Cast", [], Attribute.Int("to", (long)type));

    /// <summary>The larger elements.</summary>
    public Expr Max(Expr other) => Node("Max", other);

    /// <summary>The smaller elements.</summary>
    public Expr Min(Expr other) => Node("Min", other);

    /// <summary>Elements of one or the other, by these booleans.</summary>
    public Expr Where(Expr whenTrue, Expr whenFalse) => Node("Where", whenTrue, whenFalse);

    /// <summary>A power.</summary>
    public Expr Pow(double exponent) => exponent == 2 ? Square() : Pow(Number(exponent));

    /// <summary>A power, element by element.</summary>
    public Expr Pow(Expr exponent) => Node("Pow", exponent);

    /// <summary>Squares.</summary>
    public Expr Square() => this * this;

    /// <summary>Exponentials.</summary>
    public Expr Exp() => Node("Exp");

    /// <summary>Natural logarithms.</summary>
    public Expr Log() => Node("Log");

    /// <summary>Square roots.</summary>
    public Expr Sqrt() => Node("Sqrt");

    /// <summary>Reciprocals.</summary>
    public Expr Reciprocal() => Node("Reciprocal");

    /// <summary>Absolute values.</summary>
    public Expr Abs() => Node("Abs");

    /// <summary>-1, 0 or 1.</summary>
    public Expr Sign() => Node("Sign");

    /// <summary>Rounded to the nearest whole number, halves to even.</summary>
    public Expr Round() => Node("Round");

    /// <summary>Sines.</summary>
    public Expr Sin() => Node("Sin");

    /// <summary>Cosines.</summary>
    public Expr Cos() => Node("Cos");

    /// <summary>Hyperbolic tangents.</summary>
    public Expr Tanh() => Node("Tanh");

    /// <summary>1 / (1 + exp(-x)).</summary>
    public Expr Sigmoid() => Node("Sigmoid");

    /// <summary>The error function.</summary>
    public Expr Erf() => Node("Erf");

    /// <summary>Limited to a range.</summary>
    public Expr Clip(double min, double max) => Node("Clip", Number(min), Number(max));

    /// <summary>Softmax along an axis.</summary>
    public Expr Softmax(int axis) => Node("Softmax", [], Attribute.Int("axis", axis));

    /// <summary>Matrix product of the last two axes, the others broadcast.</summary>
    /// <param name="other">The right factor.</param>
    /// <param name="transposeThis">Whether this matrix is taken transposed.</param>
    /// <param name="transposeOther">Whether the other matrix is taken transposed.</param>
    public Expr MatMul(Expr other, bool transposeThis = false, bool transposeOther = false) =>
        !transposeThis && !transposeOther ? Node("MatMul", other)
        : Builder.Nodes("FusedMatMul", GraphBuilder.Microsoft, 1, [this, other], Attribute.Int("transA", transposeThis ? 1 : 0), Attribute.Int("transB", transposeOther ? 1 : 0))[0];

    /// <summary>The same value, through which no gradient flows.</summary>
    public Expr StopGradient()
    {
        var result = Node("Identity");
        GradientStop.Mark(result.Value.Producer!);
        return result;
    }

    /// <summary>
    /// The value of another expression, with the gradient of this one: <c>x + stop(q - x)</c> (straight-through estimator, Bengio et al. 2013).
    /// </summary>
    /// <param name="other">What is computed.</param>
    public Expr StraightThrough(Expr other) => this + (other - this).StopGradient();

    /// <summary>
    /// Quantized and dequantized to <c>scale * (clamp(round(x / scale) + zero, min, max) - zero)</c>; the gradient passes inside the
    /// range and is zero outside.
    /// </summary>
    /// <param name="scale">Step between two levels; broadcast to this shape.</param>
    /// <param name="zeroPoint">The level that stands for zero; broadcast to this shape.</param>
    /// <param name="min">The lowest level.</param>
    /// <param name="max">The highest level.</param>
    public Expr FakeQuantize(Expr scale, Expr zeroPoint, double min, double max)
    {
        var levels = this / scale;
        return ((levels.StraightThrough(levels.Round()) + zeroPoint).Clip(min, max) - zeroPoint) * scale;
    }

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();

    private Expr Node(string opType, params IReadOnlyList<Expr> others) => Builder.Node(opType, [this, .. others]);

    private Expr Node(string opType, IReadOnlyList<Expr> others, params IEnumerable<Attribute> attributes) => Builder.Node(opType, [this, .. others], attributes);
}
