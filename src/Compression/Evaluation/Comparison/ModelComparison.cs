using System.Text.Json.Nodes;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation;

/// <summary>A model against the model it was made from: outputs, size, latency.</summary>
/// <param name="Outputs">How far the outputs are apart.</param>
/// <param name="OriginalBytes">Bytes of the original's files, weights included.</param>
/// <param name="FinalBytes">Bytes of the other model's files, weights included.</param>
/// <param name="Latency">How long both run; null when not measured.</param>
/// <param name="Runtime">The engine that ran them and its version, e.g. <c>onnxruntime 1.30.0</c>.</param>
public sealed record ModelComparison(OutputComparison Outputs, long OriginalBytes, long FinalBytes, LatencyComparison? Latency, string Runtime)
{
    /// <summary>Bytes of the other model over those of the original.</summary>
    public double SizeRatio => FinalBytes / (double)OriginalBytes;

    /// <summary>Compares two models.</summary>
    /// <param name="originalPath">The original.</param>
    /// <param name="finalPath">The other model.</param>
    /// <param name="engine">Runs them.</param>
    /// <param name="inputFiles">The .npy or .safetensors file of each input, by name; null for random inputs.</param>
    /// <param name="inputs">How many random inputs, and how large.</param>
    /// <param name="latency">How latency is measured; null to leave it out.</param>
    /// <param name="seed">What random inputs depend on.</param>
    /// <param name="cancellationToken">Ends the runs.</param>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">A model cannot be run, or the two do not have the same inputs and outputs.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static ModelComparison Run(
        string originalPath,
        string finalPath,
        IEngine engine,
        IReadOnlyDictionary<string, string>? inputFiles = null,
        InputOptions? inputs = null,
        LatencyOptions? latency = null,
        long seed = 0,
        CancellationToken cancellationToken = default) => new(
            OutputComparison.Run(originalPath, finalPath, engine, inputFiles, inputs ?? new InputOptions(), seed, cancellationToken),
            BytesOf(originalPath),
            BytesOf(finalPath),
            latency is null ? null : LatencyComparison.Run(originalPath, finalPath, engine, inputFiles, latency, seed, cancellationToken),
            $"{engine.Name} {engine.Version}");

    /// <summary>Bytes of a model's files: the model and its weight files.</summary>
    public static long BytesOf(string path)
    {
        using var model = Model.Load(path);
        return model.Files.Sum(file => new FileInfo(file).Length);
    }

    /// <summary>
    /// The figures for scripts: maxAbsError, psnr (dB), worstOutput (by PSNR), sizeRatio, latencyRatio, runtime, outputs.
    /// Errors that are not finite and what was not measured are null.
    /// </summary>
    public JsonObject ToJson() => new()
    {
        ["maxAbsError"] = Number(Outputs.LargestError.MaxAbsError),
        ["psnr"] = Number(Outputs.SmallestPsnr.Psnr),
        ["worstOutput"] = Outputs.SmallestPsnr.Name,
        ["sizeRatio"] = SizeRatio,
        ["originalBytes"] = OriginalBytes,
        ["bytes"] = FinalBytes,
        ["latencyRatio"] = Latency?.Ratio,
        ["originalMilliseconds"] = Latency?.Original,
        ["milliseconds"] = Latency?.Final,
        ["runtime"] = Runtime,
        ["samples"] = Outputs.Samples,
        ["inputs"] = Outputs.GivenInputs ? "given" : "random",
        ["outputs"] = new JsonArray([.. Outputs.Outputs.Select(output => (JsonNode)new JsonObject
        {
            ["name"] = output.Name,
            ["maxAbsError"] = Number(output.MaxAbsError),
            ["psnr"] = Number(output.Psnr),
            ["nonFinite"] = output.NonFinite,
        })]),
    };

    private static double? Number(double value) => double.IsFinite(value) ? value : null;
}
