using System.Collections.Frozen;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>What operators can and should do in float16.</summary>
internal static class Float16Rules
{
    /// <summary>
    /// Operators that stay in float32: those without float16 in their definition or in common runtimes, those whose result
    /// float16 would spoil, and those of quantized patterns, which runtimes recognize in float32 only.
    /// </summary>
    private static readonly FrozenSet<string> s_kept = FrozenSet.Create(
    [
        // Classical machine learning.
        "ArrayFeatureExtractor", "Binarizer", "CastMap", "CategoryMapper", "DictVectorizer", "FeatureVectorizer", "Imputer", "LabelEncoder",
        "LinearClassifier", "LinearRegressor", "Normalizer", "OneHotEncoder", "SVMClassifier", "SVMRegressor", "Scaler", "TfIdfVectorizer",
        "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor", "ZipMap",

        // Boxes, order and extremes.
        "Celu", "CumSum", "Max", "Min", "NonMaxSuppression", "RoiAlign", "TopK", "Upsample",

        // What makes numbers out of nothing: ONNX Runtime puts the missing Casts around other operators, not around these.
        "Bernoulli", "BlackmanWindow", "EyeLike", "HammingWindow", "HannWindow", "MelWeightMatrix", "RandomNormal", "RandomNormalLike",
        "RandomUniform", "RandomUniformLike", "Range",

        // Integer arithmetic between float32 tensors.
        "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul", "QuantizeLinear",

        // Sequences and optionals, whose element type is part of a nested type.
        "ConcatFromSequence", "Optional", "OptionalGetElement", "OptionalHasElement", "SequenceAt", "SequenceConstruct", "SequenceEmpty",
        "SequenceErase", "SequenceInsert", "SequenceLength", "SequenceMap", "SplitToSequence",
    ]);

    /// <summary>ONNX Runtime's own operators that take float16.</summary>
    private static readonly FrozenSet<string> s_microsoft = FrozenSet.Create(
    [
        "Attention", "BiasAdd", "BiasGelu", "BiasSoftmax", "BiasSplitGelu", "DecoderMaskedMultiHeadAttention", "EmbedLayerNormalization",
        "FastGelu", "FusedConv", "FusedGemm", "FusedMatMul", "Gelu", "GroupNorm", "GroupQueryAttention", "MatMulNBits", "MultiHeadAttention",
        "NhwcConv", "PackedAttention", "PackedMultiHeadAttention", "QuickGelu", "RotaryEmbedding", "SimplifiedLayerNormalization",
        "SkipGroupNorm", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization",
    ]);

    /// <summary>Operators that move numbers, or change each for itself, and cost little: what the angles of an embedding are made with.</summary>
    private static readonly FrozenSet<string> s_cheap = FrozenSet.Create(
    [
        "Add", "Cast", "Ceil", "Clip", "Concat", "Div", "Einsum", "Exp", "Expand", "Flatten", "Floor", "Gather", "Identity", "Log", "MatMul", "Max",
        "Min", "Mul", "Neg", "Pow", "Range", "Reciprocal", "Reshape", "Round", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Tile", "Transpose",
        "Unsqueeze", "Where",
    ]);

    /// <summary>True when the operator stays in float32 whatever the recipe says.</summary>
    public static bool StaysFloat(Node node, long opset) => node.Domain switch
    {
        "" => s_kept.Contains(node.OpType) || (node.OpType == "IsInf" && opset < 20),
        OpsetVersions.Microsoft => !s_microsoft.Contains(node.OpType),
        _ => true,
    };

    /// <summary>True when an input is float32 by definition even if the node computes in float16.</summary>
    public static bool IsFloatInput(Node node, int index, long opset) => node.OpType switch
    {
        "Resize" => index == (opset <= 10 ? 1 : 2),
        "GroupNorm" or "SkipGroupNorm" => index is 1 or 2,
        _ => false,
    };

    /// <summary>True when an output is float32 by definition even if the node computes in float16.</summary>
    public static bool IsFloatOutput(Node node, int index) => node.OpType switch
    {
        "LayerNormalization" or "SkipLayerNormalization" => index is 1 or 2, // Mean and inverse deviation.
        _ => false,
    };

    /// <summary>True when an input may be of any type without a consequence for the outputs.</summary>
    public static bool TakesAnyType(Node node, int index) => index == 0 && node.Domain.Length == 0 && node.OpType is "Shape" or "Size" or "Cast" or "CastLike";

    /// <summary>True for what <see cref="s_cheap"/> lists, as long as it is no layer: a product with a constant matrix is one.</summary>
    public static bool IsCheap(Node node) =>
        node.Domain.Length == 0 && s_cheap.Contains(node.OpType)
        && (node.OpType is not ("MatMul" or "Einsum") || !node.Inputs.Any(input => input?.ConstantTensor is { Dims: [> 1, > 1] }));

    /// <summary>Puts the 16-bit type for float32 where an attribute decides the type of a node's result.</summary>
    public static void ConvertAttributes(Node node, ShortFloat target)
    {
        switch (node.OpType)
        {
            case "Cast" when node.GetInt("to", 0) == (long)DataType.Float:
                node.SetAttribute(Onnx.Attribute.Int("to", (long)target.Type));
                break;
            case "ConstantOfShape":
                var value = node.GetTensor("value") ?? Tensor.Floats([1], 0);
                if (value.Type == DataType.Float)
                {
                    node.SetAttribute(Onnx.Attribute.Tensor("value", target.Convert(value)));
                }

                break;
        }
    }
}
