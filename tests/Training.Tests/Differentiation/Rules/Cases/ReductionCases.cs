namespace CompressTool.Training.Tests.Differentiation.Rules.Cases;

internal static class ReductionCases
{
    private const string Means = "ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare";

    public static readonly OperatorCase[] All =
    [
        // Axes as an attribute, as an input, left out, empty
        .. OperatorCase.Each(Means, "x[2,3,2]", "axes=[1]"),
        .. OperatorCase.Each(Means, "x[2,3,2]", "axes=[-1,0] keepdims=0", opset: 13),
        .. OperatorCase.Each(Means, "x[2,3]", "keepdims=0"),
        .. OperatorCase.Each(Means, "x[2,3,2] i=2", "keepdims=0", opset: 18),
        .. OperatorCase.Each(Means, "x[2,3] i[0]=", "noop_with_empty_axes=1", opset: 20),
        .. OperatorCase.Each(Means, "x[2,3]", opset: 21),
        .. OperatorCase.Each("ReduceLogSum ReduceLogSumExp", "x[2,3,2]:0.2..3", "axes=[1]"),
        .. OperatorCase.Each("ReduceLogSum ReduceLogSumExp", "x[2,3,2]:0.2..3 i=0,-1", "keepdims=0", opset: 18),
        .. OperatorCase.Each("ReduceLogSum ReduceLogSumExp", "x[4]:0.2..3", "keepdims=0", opset: 13),
        new("ReduceSum", "x[2,3,2] i=1"),
        new("ReduceSum", "x[2,3,2] i=-1,0", "keepdims=0", 13),
        new("ReduceSum", "x[2,3]", "keepdims=0"),
        new("ReduceSum", "x[2,3] i[0]=", "noop_with_empty_axes=1"),
        new("ReduceSum", "x[]", Opset: 18),

        // Where one element of a row is zero only its own gradient is not; where two are, none is
        new("ReduceProd", "x[3,3]=1.5,0,2,0.5,0,0,-1,2,3", "axes=[1]"),
        new("ReduceProd", "x[2,3]=1.5,0,2,0.5,-1,3 i=0", "keepdims=0", 18),
        new("ReduceProd", "x[4]=1.5,0,2,0.5"),

        new("CumSum", "x[5] i[]=0"),
        new("CumSum", "x[2,3] i[]=-1", "reverse=1"),
        new("CumSum", "x[2,3] i[]=0", "exclusive=1"),
        new("CumSum", "x[2,3,2] i=1", "exclusive=1 reverse=1"),
        .. OperatorCase.Each("Softmax LogSoftmax", "x[2,3]"),
        .. OperatorCase.Each("Softmax LogSoftmax", "x[2,3,2]", "axis=1", opset: 13),
        .. OperatorCase.Each("Softmax LogSoftmax", "x[4]", "axis=-1"),
        .. OperatorCase.Each("Softmax LogSoftmax", "x[3,2,2]", "axis=0"),
    ];
}
