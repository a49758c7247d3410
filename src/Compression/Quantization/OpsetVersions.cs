using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Quantization;

/// <summary>Checks that a model's operator sets have the operators that a stage writes.</summary>
internal static class OpsetVersions
{
    /// <summary>The domain of ONNX Runtime's own operators.</summary>
    public const string Microsoft = "com.microsoft";

    /// <summary>Cast to and from bfloat16, as <see cref="Require"/> knows it.</summary>
    public const string BrainFloatCast = "Cast for bfloat16";

    private static readonly Dictionary<string, int> s_since = new()
    {
        ["DynamicQuantizeLinear"] = 11,
        ["MatMulInteger"] = 10,
        ["ConvInteger"] = 10,
        ["Cast"] = 6,
        [BrainFloatCast] = 13,
        ["DequantizeLinear"] = 13, // Before, there is no axis.
    };

    /// <summary>
    /// Requires standard operators. Raising the number in the file would silently give the other nodes the meaning of newer
    /// versions, so a model that is too old is refused.
    /// </summary>
    /// <exception cref="CompressToolException">The model imports an older operator set.</exception>
    public static void Require(Model model, params ReadOnlySpan<string> operators)
    {
        foreach (var name in operators)
        {
            if (model.Opset < s_since[name])
            {
                throw new CompressToolException(CompressionErrors.UnsuitableModel,
                    $"the stage writes the operator {name}, which exists since opset {s_since[name]}, but the model uses opset {model.Opset}; export it with opset 17");
            }
        }
    }

    /// <summary>Imports ONNX Runtime's own operators, whose version has always been 1.</summary>
    public static void ImportMicrosoft(Model model) => model.OpsetImports.TryAdd(Microsoft, 1);
}
