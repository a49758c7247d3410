using CompressTool.Compression.Pruning.Dependencies.Rules;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>The table from operator to rule. An operator that is not in it freezes what it touches.</summary>
internal static class CouplingRules
{
    private static readonly Dictionary<string, Action<NodeContext>> s_standard = Table(
        (Elementwise.Unary,
            "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast CastLike Ceil Celu Clip Cos Cosh Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity IsInf "
            + "IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu"),
        (Elementwise.Broadcast, "Add And BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow PRelu Sub Sum Where Xor"),
        (Products.Conv, "Conv"),
        (Products.ConvTranspose, "ConvTranspose"),
        (Products.Gemm, "Gemm"),
        (Products.MatMul, "MatMul"),
        (Products.Einsum, "Einsum"),
        (Movement.Reshape, "Reshape Flatten Squeeze Unsqueeze"),
        (Movement.Transpose, "Transpose"),
        (Movement.Expand, "Expand"),
        (Movement.Tile, "Tile"),
        (Movement.Pad, "Pad"),
        (Movement.Resize, "Resize Upsample"),
        (Movement.DepthToSpace, "DepthToSpace"),
        (Movement.SpaceToDepth, "SpaceToDepth"),
        (Movement.Gather, "Gather"),
        (Movement.Slice, "Slice"),
        (Movement.Split, "Split"),
        (Joining.Concat, "Concat"),
        (Normalization.Batch, "BatchNormalization"),
        (Normalization.Instance, "InstanceNormalization"),
        (Normalization.Group, "GroupNormalization"),
        (Normalization.Layer, "LayerNormalization RMSNormalization SimplifiedLayerNormalization"),
        (Normalization.Softmax, "Softmax LogSoftmax Hardmax"),
        (Normalization.Reduce, "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare"),
        (Normalization.Pool, "AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool"),
        (c => Normalization.Ordered(c, c.Axis("axis", 0, c.Input(0).Rank)), "ArgMax ArgMin"),
        (c => Normalization.Ordered(c, c.Axis("axis", -1, c.Input(0).Rank)), "TopK LpNormalization"),
        (c => Normalization.Ordered(c, c.NumbersOf(1) is [var axis] ? NodeContext.Axis(axis, c.Input(0).Rank) : 0), "CumSum"),
        (Movement.Fill, "ConstantOfShape"),
        (FusedAttention.Standard, "Attention"),
        (_ => { }, "Shape Size Range RandomNormal RandomUniform EyeLike NonZero"));

    private static readonly Dictionary<string, Action<NodeContext>> s_runtime = Table(
        (Elementwise.Unary, "QuickGelu Gelu"),
        (Elementwise.Broadcast, "BiasGelu FastGelu BiasAdd"),
        (FusedAttention.Projected, "MultiHeadAttention"),
        (FusedAttention.Projecting, "Attention"),
        (FusedAttention.Grouped, "GroupQueryAttention"),
        (Products.Conv, "FusedConv"),
        (Products.Gemm, "FusedGemm"),
        (Products.FusedMatMul, "FusedMatMul"),
        (c => Normalization.SkipLayer(c, [2, 3], 4), "SkipLayerNormalization"),
        (c => Normalization.SkipLayer(c, [2], 3), "SkipSimplifiedLayerNormalization"),
        (Normalization.RuntimeGroup, "GroupNorm"));

    /// <summary>The rule of a node's operator; null when there is none.</summary>
    public static Action<NodeContext>? Find(Node node) => node.Domain switch
    {
        "" => s_standard.GetValueOrDefault(node.OpType),
        "com.microsoft" => s_runtime.GetValueOrDefault(node.OpType),
        _ => null,
    };

    private static Dictionary<string, Action<NodeContext>> Table(params (Action<NodeContext> Rule, string Operators)[] rows) =>
        rows.SelectMany(row => row.Operators.Split(' ').Select(name => KeyValuePair.Create(name, row.Rule))).ToDictionary();
}
