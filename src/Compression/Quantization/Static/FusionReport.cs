using System.Text.Json.Nodes;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Runtime;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// What ONNX Runtime makes of a quantized model: which operators it computes in integers, and which it leaves in floating point between
/// DequantizeLinear and QuantizeLinear, where they cost more than without quantization.
/// </summary>
internal static class FusionReport
{
    private const int NamesInWarning = 5;
    private const string OptimizedFile = "optimized.onnx";

    /// <summary>The operators in integers that ONNX Runtime's optimizer puts in the place of pairs.</summary>
    private static readonly string[] s_integers =
    [
        "QLinearConv", "QLinearMatMul", "MatMulIntegerToFloat", "QGemm", "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearAveragePool",
        "QLinearGlobalAveragePool", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "QLinearWhere",
    ];

    /// <summary>Counts operators in integers, and warns about layers that are none.</summary>
    /// <param name="model">The quantized model.</param>
    /// <param name="context">The stage's context.</param>
    /// <returns>The counts by operator, and the nodes of layers that are computed in floating point.</returns>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The runtime cannot load the model.</exception>
    public static JsonObject Create(Model model, StageContext context)
    {
        var folder = Directory.CreateTempSubdirectory("compresstool-");
        try
        {
            var path = Path.Combine(folder.FullName, "model.onnx");
            model.Save(path, cancellationToken: context.CancellationToken);
            Optimize(path, Path.Combine(folder.FullName, OptimizedFile), context.CancellationToken);
            using var optimized = Model.Load(Path.Combine(folder.FullName, OptimizedFile));
            return Describe(optimized.Graph, context);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The layers that are left in floating point although their weights are integers.</summary>
    public static IEnumerable<Node> Unfused(Graph optimized) => optimized.Nodes.Where(node =>
        node.OpType is "Conv" or "FusedConv" or "MatMul" or "FusedMatMul" or "Gemm" or "FusedGemm" && node.Input(1)?.Producer is { OpType: "DequantizeLinear" } dequantize && dequantize.Inputs[0]!.Initializer is not null);

    private static void Optimize(string path, string optimizedPath, CancellationToken cancellationToken)
    {
        // Up to the fusions of operators: later ones change the layout for this processor and say nothing more about integers.
        using var options = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.Extended, OptimizedModelFilePath = optimizedPath };
        options.AddSessionConfigEntry("session.optimized_model_external_initializers_file_name", "optimized.weights");
        options.AddSessionConfigEntry("session.optimized_model_external_initializers_min_size_in_bytes", "1024");
        using var session = new InferenceSession(path, options, cancellationToken);
    }

    private static JsonObject Describe(Graph optimized, StageContext context)
    {
        string[] unfused = [.. Unfused(optimized).Select(node => node.DisplayName)];
        if (unfused.Length > 0)
        {
            context.AddWarning(CompressionErrors.UnfusedQuantization,
                $"ONNX Runtime computes {unfused.Length} quantized layers in floating point, more slowly than before: {string.Join(", ", unfused.Take(NamesInWarning))}{(unfused.Length > NamesInWarning ? " and more" : "")}", "layers.exclude");
        }

        var counts = optimized.Nodes.Where(node => s_integers.Contains(node.OpType)).GroupBy(node => node.OpType).OrderBy(group => group.Key, StringComparer.Ordinal);
        return new JsonObject
        {
            ["integerOperators"] = new JsonObject(counts.Select(group => KeyValuePair.Create(group.Key, (JsonNode?)group.Count()))),
            ["floatOperators"] = new JsonArray([.. unfused.Select(name => (JsonNode)name)]),
        };
    }
}
