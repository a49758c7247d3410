using CompressTool.Onnx.Inference.Content;
using CompressTool.Onnx.Inference.Rules;

namespace CompressTool.Onnx.Inference;

/// <summary>The table from operator to rule.</summary>
internal static class OperatorRules
{
    private static readonly Dictionary<string, OperatorRule> s_standard = new()
    {
        // Element-wise
        ["Add"] = new(Elementwise.Broadcast, Arithmetic.Binary<Add>),
        ["Sub"] = new(Elementwise.Broadcast, Arithmetic.Binary<Subtract>),
        ["Mul"] = new(Elementwise.Broadcast, Arithmetic.Binary<Multiply>),
        ["Div"] = new(Elementwise.Broadcast, Arithmetic.Binary<Divide>),
        ["Mod"] = new(Elementwise.Broadcast, c => (c.Int("fmod", 0) == 0 ? (Action<NodeContext>)Arithmetic.Binary<FloorModulo> : Arithmetic.Binary<Remainder>)(c)),
        ["Max"] = new(Elementwise.Broadcast, Arithmetic.Binary<Maximum>),
        ["Min"] = new(Elementwise.Broadcast, Arithmetic.Binary<Minimum>),
        ["Sum"] = new(Elementwise.Broadcast, Arithmetic.Binary<Add>),
        ["And"] = new(Elementwise.Compare, Arithmetic.Binary<And>),
        ["Or"] = new(Elementwise.Compare, Arithmetic.Binary<Or>),
        ["Xor"] = new(Elementwise.Compare, Arithmetic.Binary<Xor>),
        ["Pow"] = new(Elementwise.Pow, Arithmetic.Pow),
        ["PRelu"] = new(Elementwise.PRelu),
        ["Equal"] = new(Elementwise.Compare, Arithmetic.Compare<Equal>),
        ["Less"] = new(Elementwise.Compare, Arithmetic.Compare<Less>),
        ["LessOrEqual"] = new(Elementwise.Compare, Arithmetic.Compare<LessOrEqual>),
        ["Greater"] = new(Elementwise.Compare, Arithmetic.Compare<Greater>),
        ["GreaterOrEqual"] = new(Elementwise.Compare, Arithmetic.Compare<GreaterOrEqual>),
        ["Where"] = new(Elementwise.Where, Movement.Where),
        ["Cast"] = new(Elementwise.Cast, Arithmetic.Cast),
        ["CastLike"] = new(Elementwise.CastLike, Arithmetic.Cast),
        ["BitCast"] = new(Elementwise.Cast),
        ["Clip"] = new(Elementwise.Clip, Arithmetic.Clip),
        ["Dropout"] = new(Elementwise.Dropout),
        ["IsNaN"] = new(Elementwise.Predicate),
        ["IsInf"] = new(Elementwise.Predicate),
        ["Identity"] = new(Elementwise.Unary, Movement.Keep),
        ["Neg"] = new(Elementwise.Unary, Arithmetic.Negate),
        ["Abs"] = new(Elementwise.Unary, Arithmetic.Abs),
        ["Floor"] = new(Elementwise.Unary, Arithmetic.Floor),
        ["Ceil"] = new(Elementwise.Unary, Arithmetic.Ceil),
        ["Round"] = new(Elementwise.Unary, Arithmetic.Round),
        ["Sqrt"] = new(Elementwise.Unary, Arithmetic.Sqrt),
        ["Reciprocal"] = new(Elementwise.Unary, Arithmetic.Reciprocal),
        ["Relu"] = new(Elementwise.Unary, Arithmetic.Relu),
        ["Not"] = new(Elementwise.Unary, Arithmetic.Not),
        ["Trilu"] = new(Elementwise.Unary, Movement.Trilu),
        ["CumSum"] = new(Elementwise.Unary, Aggregation.CumSum),

        // Convolution and pooling
        ["Conv"] = new(Convolution.Conv),
        ["ConvTranspose"] = new(Convolution.ConvTranspose),
        ["ConvInteger"] = new(Convolution.ConvInteger),
        ["QLinearConv"] = new(Convolution.QLinearConv),
        ["DeformConv"] = new(Convolution.DeformConv),
        ["MaxPool"] = new(Pooling.Pool),
        ["AveragePool"] = new(Pooling.Pool),
        ["LpPool"] = new(Pooling.Pool),
        ["GlobalAveragePool"] = new(Pooling.Global),
        ["GlobalMaxPool"] = new(Pooling.Global),
        ["GlobalLpPool"] = new(Pooling.Global),
        ["MaxUnpool"] = new(Pooling.MaxUnpool),
        ["MaxRoiPool"] = new(Pooling.MaxRoiPool),
        ["RoiAlign"] = new(Pooling.RoiAlign),
        ["GridSample"] = new(Pooling.GridSample),
        ["AffineGrid"] = new(Pooling.AffineGrid),
        ["Col2Im"] = new(Pooling.Col2Im),
        ["Resize"] = new(Resizing.Resize),
        ["Upsample"] = new(Resizing.Upsample),

        // Normalisation
        ["BatchNormalization"] = new(Normalization.Channels),
        ["InstanceNormalization"] = new(Normalization.Channels),
        ["GroupNormalization"] = new(Normalization.Group),
        ["LayerNormalization"] = new(Normalization.Layer),
        ["RMSNormalization"] = new(Normalization.Layer),
        ["SimplifiedLayerNormalization"] = new(Normalization.Layer),

        // Products
        ["MatMul"] = new(Products.MatMul),
        ["Gemm"] = new(Products.Gemm),
        ["MatMulInteger"] = new(Products.MatMulInteger),
        ["QLinearMatMul"] = new(Products.QLinearMatMul),
        ["Einsum"] = new(Products.Einsum),
        ["Attention"] = new(Attention.Standard),
        ["LSTM"] = new(Recurrent.Run),
        ["GRU"] = new(Recurrent.Run),
        ["RNN"] = new(Recurrent.Run),

        // Reduction
        ["ReduceSum"] = new(Reduction.Reduce, Aggregation.Sum),
        ["ReduceProd"] = new(Reduction.Reduce, Aggregation.Product),
        ["ReduceMax"] = new(Reduction.Reduce, Aggregation.Max),
        ["ReduceMin"] = new(Reduction.Reduce, Aggregation.Min),
        ["ArgMax"] = new(Reduction.Arg),
        ["ArgMin"] = new(Reduction.Arg),
        ["TopK"] = new(Reduction.TopK),

        // Shape and place
        ["Reshape"] = new(Shaping.Reshape, Movement.Keep),
        ["Flatten"] = new(Shaping.Flatten, Movement.Keep),
        ["Squeeze"] = new(Shaping.Squeeze, Movement.Keep),
        ["Unsqueeze"] = new(Shaping.Unsqueeze, Movement.Keep),
        ["Transpose"] = new(Shaping.Transpose, Movement.Transpose),
        ["DepthToSpace"] = new(Shaping.DepthToSpace),
        ["SpaceToDepth"] = new(Shaping.SpaceToDepth),
        ["Concat"] = new(Joining.Concat, Movement.Concat),
        ["Split"] = new(Joining.Split, Movement.Split),
        ["Expand"] = new(Joining.Expand, Movement.Expand),
        ["Tile"] = new(Joining.Tile, Movement.Tile),
        ["Pad"] = new(Joining.Pad, Movement.Pad),
        ["CenterCropPad"] = new(Joining.CenterCropPad),
        ["Slice"] = new(Slicing.Slice, Movement.Slice),
        ["Gather"] = new(Indexing.Gather, Movement.Gather),
        ["GatherElements"] = new(Indexing.GatherElements, Movement.GatherElements),
        ["GatherND"] = new(Indexing.GatherND),
        ["Scatter"] = new(Indexing.Scatter, Movement.ScatterElements),
        ["ScatterElements"] = new(Indexing.Scatter, Movement.ScatterElements),
        ["ScatterND"] = new(Indexing.Scatter, Movement.ScatterND),
        ["TensorScatter"] = new(Elementwise.Unary),
        ["OneHot"] = new(Indexing.OneHot, Movement.OneHot),
        ["NonZero"] = new(Indexing.NonZero, Generation.NonZero),
        ["Compress"] = new(Indexing.Compress),
        ["Unique"] = new(Indexing.Unique),
        ["NonMaxSuppression"] = new(Indexing.NonMaxSuppression),

        // Creation
        ["Constant"] = new(Creation.Constant),
        ["ConstantOfShape"] = new(Creation.ConstantOfShape, Generation.ConstantOfShape),
        ["Shape"] = new(Creation.Shape, Generation.Shape),
        ["Size"] = new(Creation.Size, Generation.Size),
        ["Range"] = new(Creation.Range, Generation.Range),
        ["EyeLike"] = new(Creation.EyeLike),
        ["RandomNormal"] = new(Creation.Random),
        ["RandomUniform"] = new(Creation.Random),
        ["RandomNormalLike"] = new(Creation.RandomLike),
        ["RandomUniformLike"] = new(Creation.RandomLike),
        ["Bernoulli"] = new(Creation.RandomLike),
        ["Multinomial"] = new(Creation.Multinomial),
        ["HannWindow"] = new(Creation.Window),
        ["HammingWindow"] = new(Creation.Window),
        ["BlackmanWindow"] = new(Creation.Window),

        // Quantization
        ["QuantizeLinear"] = new(Quantization.Quantize),
        ["DequantizeLinear"] = new(Quantization.Dequantize),
        ["DynamicQuantizeLinear"] = new(Quantization.DynamicQuantize),

        // Control flow
        ["If"] = new(ControlFlow.If),
        ["Loop"] = new(ControlFlow.Loop),
        ["Scan"] = new(ControlFlow.Scan),
    };

    private static readonly Dictionary<string, OperatorRule> s_microsoft = new()
    {
        ["FusedMatMul"] = new(Products.FusedMatMul),
        ["TransposeMatMul"] = new(Products.FusedMatMul),
        ["FusedGemm"] = new(Products.Gemm),
        ["GemmFastGelu"] = new(Products.MatMul),
        ["MatMulNBits"] = new(Products.MatMulNBits),
        ["MatMulBnb4"] = new(Products.MatMulNBits),
        ["MatMulIntegerToFloat"] = new(Products.MatMulIntegerToFloat),
        ["DynamicQuantizeMatMul"] = new(Products.DynamicQuantizeMatMul),
        ["QGemm"] = new(Products.QGemm),
        ["FusedConv"] = new(Convolution.Conv),
        ["NhwcConv"] = new(Convolution.NhwcConv),
        ["NhwcFusedConv"] = new(Convolution.NhwcConv),
        ["NhwcMaxPool"] = new(Pooling.NhwcPool),
        ["QLinearConv"] = new(Convolution.QLinearConv),
        ["QLinearAveragePool"] = new(Pooling.QLinearPool),
        ["QLinearGlobalAveragePool"] = new(Pooling.Global),
        ["QLinearAdd"] = new(Quantization.Binary),
        ["QLinearMul"] = new(Quantization.Binary),
        ["QLinearWhere"] = new(Quantization.Where),
        ["QLinearConcat"] = new(Joining.QLinearConcat),
        ["QuantizeLinear"] = new(Quantization.Quantize),
        ["DequantizeLinear"] = new(Quantization.Dequantize),
        ["SkipLayerNormalization"] = new(Normalization.SkipLayer),
        ["SkipSimplifiedLayerNormalization"] = new(Normalization.SkipLayer),
        ["EmbedLayerNormalization"] = new(Normalization.EmbedLayer),
        ["SkipGroupNorm"] = new(Normalization.SkipGroup),
        ["Attention"] = new(Attention.WithProjection),
        ["QAttention"] = new(Attention.WithProjection),
        ["MultiHeadAttention"] = new(Attention.MultiHead),
        ["GroupQueryAttention"] = new(Attention.GroupQuery),
        ["GatherBlockQuantized"] = new(Indexing.GatherBlockQuantized),
        ["BiasSplitGelu"] = new(Joining.HalfOfLast),
        ["Trilu"] = new(Elementwise.Unary, Movement.Trilu),
    };

    private static readonly Dictionary<string, OperatorRule> s_compressTool = new()
    {
        ["ConvGradWeight"] = new(TrainingKernels.ConvGradWeight),
        ["GroupNormSilu"] = new(TrainingKernels.GroupNormSilu),
        ["GroupNormSiluGrad"] = new(TrainingKernels.GroupNormSiluGrad),
        ["SiluGrad"] = new(TrainingKernels.ElementwiseGrad),
    };

    static OperatorRules()
    {
        var unary = new OperatorRule(Elementwise.Unary);
        foreach (var name in (string[])["Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Celu", "Cos", "Cosh", "CumProd", "Elu", "Erf", "Exp", "Gelu",
            "HardSigmoid", "HardSwish", "Hardmax", "LRN", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization", "MeanVarianceNormalization", "Mish",
            "ReverseSequence", "RotaryEmbedding", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softmax", "Softplus", "Softsign", "SwiGLU", "Swish", "Tan",
            "Tanh", "ThresholdedRelu"])
        {
            s_standard.Add(name, unary);
        }

        foreach (var name in (string[])["BiasAdd", "BiasGelu", "BiasSoftmax", "FastGelu", "Gelu", "GroupNorm", "Inverse", "MoE", "QLinearLeakyRelu", "QLinearSigmoid",
            "QLinearSoftmax", "QMoE", "QuickGelu", "RotaryEmbedding"])
        {
            s_microsoft.Add(name, unary);
        }

        var reduce = new OperatorRule(Reduction.Reduce);
        foreach (var name in (string[])["ReduceMean", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"])
        {
            s_standard.Add(name, reduce);
        }

        var broadcast = new OperatorRule(Elementwise.Broadcast);
        foreach (var name in (string[])["BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Mean"])
        {
            s_standard.Add(name, broadcast);
        }
    }

    /// <summary>All operators that have a rule.</summary>
    public static IEnumerable<(string Domain, string OpType)> All =>
        s_standard.Keys.Select(opType => ("", opType)).Concat(s_microsoft.Keys.Select(opType => ("com.microsoft", opType)))
            .Concat(s_compressTool.Keys.Select(opType => ("compresstool", opType)));

    /// <summary>The rule of an operator; null for unknown ones.</summary>
    public static OperatorRule? Find(string domain, string opType) => domain switch
    {
        "" => s_standard.GetValueOrDefault(opType),
        "com.microsoft" => s_microsoft.GetValueOrDefault(opType),
        "compresstool" => s_compressTool.GetValueOrDefault(opType),
        _ => null,
    };
}
