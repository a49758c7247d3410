namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

internal static class ElementwiseCases
{
    public static readonly OperatorCase[] All =
    [
        // Broadcast either way, scalars, and one value as both operands
        .. OperatorCase.Each("Add Sub Mul Div", "x[2,3] x[2,3]"),
        .. OperatorCase.Each("Add Sub Mul Div", "x[2,1,3] x[4,1]"),
        .. OperatorCase.Each("Add Sub Mul Div", "x[3] x[2,2,3]", opset: 13),
        .. OperatorCase.Each("Add Sub Mul Div", "x[] x[2]", opset: 21),
        .. OperatorCase.Each("Add Sub Mul Div", "x[2,2] x[]"),
        .. OperatorCase.Each("Add Sub Mul Div", "x[] x[]"),
        .. OperatorCase.Each("Add Sub Mul Div", "x[2,3] @0"),
        new("Pow", "x[2,3]:0.2..2 x[2,3]"),
        new("Pow", "x[2,1]:0.2..2 x[3]"),
        new("Pow", "x[3]:0.2..2 x[2,1]"),
        new("Pow", "x[5] k[]=2"),
        new("Pow", "x[5] k[]=3", Opset: 13),
        new("Pow", "x[5]:0.2..2 k[]=0.5"),
        new("Pow", "x[2,2] i[]=3", Opset: 13),
        new("Pow", "k[]=2 x[4]"),
        .. OperatorCase.Each("Sum Mean Max Min", "x[2,3] x[3] x[2,1]"),
        .. OperatorCase.Each("Sum Mean Max Min", "x[2,3]"),
        .. OperatorCase.Each("Sum Mean Max Min", "x[] x[2,1,2] x[3,1]", opset: 13),
        .. OperatorCase.Each("Sum Mean", "x[2] @0 x[2]"),
        new("Mod", "x[2,3]:0.5..4 x[2,3]:0.6..1.7", "fmod=1"),
        new("Mod", "x[2,3]:-4..4 x[3]:0.6..1.7", "fmod=1"),
        new("Mod", "x[]:1..2 x[2,2]:-1.7..-0.6", "fmod=1"),

        // One input
        .. Unary("Neg Identity Floor Ceil Round Sign Exp Abs Erf Sin Cos Atan Sinh Cosh Tanh Asinh Sigmoid Softplus Softsign Relu"),
        .. Unary("Mish", opset: 18),
        .. Unary("Sqrt Reciprocal Log", 0.1, 3),
        .. Unary("Tan", -1.2, 1.2),
        .. Unary("Asin Acos Atanh", -0.9, 0.9),
        .. Unary("Acosh", 1.1, 4),
        .. Unary("HardSwish", -4.5, 4.5),
        .. Unary("LeakyRelu ThresholdedRelu Elu Celu Selu HardSigmoid"),
        .. OperatorCase.Each("LeakyRelu ThresholdedRelu Elu Celu Selu HardSigmoid", "x[2,7]", "alpha=0.7"),
        new("Selu", "x[7]", "alpha=1.5 gamma=0.9"),
        new("HardSigmoid", "x[7]", "alpha=0.4 beta=0.3"),
        new("PRelu", "x[2,3,2] x[3,1]"),
        new("PRelu", "x[4] x[]"),
        new("PRelu", "x[2,3] x[2,3]"),
        .. Unary("Gelu", opset: 20),
        new("Gelu", "x[2,3]", "approximate=tanh", Opset: 20),
        .. Unary("Swish", opset: 24),
        new("Swish", "x[2,3]", "alpha=1.7", Opset: 24),
        .. Unary("com.microsoft:QuickGelu com.microsoft:Gelu com.microsoft:FastGelu"),
        new("com.microsoft:QuickGelu", "x[2,3]", "alpha=0.9"),
        new("com.microsoft:FastGelu", "x[2,2,3] x[3]"),
        new("com.microsoft:BiasGelu", "x[2,3] x[3]"),
        new("com.microsoft:BiasGelu", "x[2,2,5] x[5]"),
        new("com.microsoft:BiasGelu", "x[1,4] x[4]"),
        new("Cast", "x[2,3]", "to=1"),
        new("Cast", "x[]", "to=1"),
        new("Cast", "x[2,1,2]", "to=1", Opset: 13),
        new("CastLike", "x[2,3] c[]"),
        new("CastLike", "x[] c[2]"),
        new("CastLike", "x[2,1,2] c[3]", Opset: 19),

        // Choices
        new("Where", "b[2,3]=1,0,0,1,1,0 x[2,3] x[2,3]"),
        new("Where", "b[3]=1,0,1 x[2,1] x[]"),
        new("Where", "b[2,1]=1,0 x[3] x[2,3]"),
        new("Where", "b[]=1 x[2] x[2,2]"),
        new("Clip", "x[2,4] k[]=-0.8 k[]=1.1"),
        new("Clip", "x[2,4] - x[]=0.4"),
        new("Clip", "x[2,4] x[]=-0.4"),
        new("Clip", "x[9] x[]=-0.4 x[]=0.9", Opset: 13),
        new("Clip", "x[9] x[]=0.9 x[]=-0.4"),
        new("Clip", "x[]"),
        new("Dropout", "x[2,3]"),
        new("Dropout", "x[2,3] k[]=0.3"),
        new("Dropout", "x[] - b[]=0", Opset: 22),
        new("Dropout", "x[2,3] k[]=0.0 b[]=1"),
    ];

    private static IEnumerable<OperatorCase> Unary(string operators, double low = -2, double high = 2, int opset = 17) =>
    [
        .. OperatorCase.Each(operators, FormattableString.Invariant($"x[2,4]:{low}..{high}"), opset: opset),
        .. OperatorCase.Each(operators, FormattableString.Invariant($"x[]:{low}..{high}"), opset: Math.Max(opset, 20)),
        .. OperatorCase.Each(operators, FormattableString.Invariant($"x[3,1,3]:{low}..{high}"), opset: Math.Max(opset, 14)),
    ];
}
