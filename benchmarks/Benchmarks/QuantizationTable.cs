using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Evaluation;
using CompressTool.Runtime.Engine;

namespace CompressTool.Benchmarks;

/// <summary>All schemes on trained diffusion models: what their samples are worth, how near they are to those of float32, bytes and latency, in one table.</summary>
internal sealed class QuantizationTable : IBenchmark
{
    private const double QualityLimit = 1.02;
    private const double SpeedLimit = 1.3;
    private const string Preset = "int8";
    private const string Naive = "scheme: int8, keep-ends: false, between: true, calibration: { method: minmax }";

    /// <summary>Stands for the data of a model.</summary>
    private const string Data = "DATA";

    private static readonly (string Name, string Options)[] s_schemes =
    [
        ("fp16", "scheme: fp16"),
        ("bf16", "scheme: bf16"),
        ("int8, naive", Naive),
        ("int8, naive, trained", $"{Naive}, training: {{ data: {{ {Data} }}, batch: 16, steps: 200, learning-rate: 0.0001 }}"),
        (Preset, "scheme: int8"),
        ("int8, gptq", "scheme: int8, rounding: gptq"),
        ("int8-dynamic", "scheme: int8-dynamic"),
        ("int16", "scheme: int16"),
        ("int8-weights", "scheme: int8-weights"),
        ("int4", "scheme: int4"),
        ("int4, gptq", "scheme: int4, method: gptq"),
    ];

    public string Name => "quantization-table";

    public string Description => "every scheme on the sample's model (and fashion-ddpm): distance and likeness of samples, bytes, latency.";

    public void Run(BenchmarkContext context)
    {
        Table(context, "shapes", Path.Combine(Program.RepositoryRoot, "samples", "Shapes", "models", "shapes"), "shapes: { count: 1000, seed: 2 }", "shapes: { count: 2000, seed: 5 }", 1000);
        if (Oracles.TryFind("fashion-ddpm", "unet") is not null)
        {
            File.Copy(Oracles.Find("fashion900.npy"), context.File("fashion900.npy"));
            Table(context, "fashion-ddpm", Oracles.Find("fashion-ddpm"), "images: fashion900.npy, size: 32", "images: fashion900.npy, size: 32", 500);
        }
    }

    private static void Table(BenchmarkContext context, string name, string folder, string reference, string data, int samples)
    {
        CriteriaBenchmark.Copy(folder, context.File(name));
        Measure.Tool(context.Folder, "import", context.File(name), "-o", context.File(name + ".onnx"));
        context.Output.WriteLine($"{name}: {samples} samples of DDIM 10; latency of the U-Net, batch 8, one thread");
        context.Output.WriteLine("| scheme | shapes-fid | SSIM to float32 | PSNR | MB | float32 / latency |");
        context.Output.WriteLine("|--------|-----------:|----------------:|-----:|---:|------------------:|");
        var whole = Evaluate(context, name, "evaluate", "", reference, samples);
        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| float32 | {Figure(whole, "shapes-fid"):0.00} | 1 | | {new FileInfo(context.File(name + ".onnx")).Length / 1e6:0.00} | 1 |"));
        foreach (var (scheme, options) in s_schemes)
        {
            var figures = Evaluate(context, name, "quantized", $"  - quantize: {{ {options.Replace(Data, data, StringComparison.Ordinal)} }}\n", reference, samples);
            var path = context.File(Path.Combine("out", "quantized.onnx"));
            var inputs = new InputOptions { Batch = 8, Dims = new Dictionary<string, long>() };
            var latency = LatencyComparison.Run(context.File(name + ".onnx"), path, new OnnxRuntimeEngine(), null, new LatencyOptions { Runs = 41, WarmUp = 3, Threads = 1, Inputs = inputs }, 0, default);
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {scheme} | {Figure(figures, "shapes-fid"):0.00} | {Figure(figures, "ssim"):0.0000} | {Figure(figures, "image-psnr"):0.0} | {new FileInfo(path).Length / 1e6:0.00} | {1 / latency.Ratio:0.00} |"));
            if (scheme == Preset)
            {
                var ratio = Figure(figures, "shapes-fid") / Figure(whole, "shapes-fid");
                context.Judge($"{name}, int8 preset: quality", string.Create(CultureInfo.InvariantCulture, $"{ratio:0.000} x the distance"), ratio <= QualityLimit, "1.02");
                context.Judge($"{name}, int8 preset: speed", string.Create(CultureInfo.InvariantCulture, $"{1 / latency.Ratio:0.00} x float32"), 1 / latency.Ratio >= SpeedLimit, "1.3");
            }
        }
    }

    private static JsonNode Evaluate(BenchmarkContext context, string model, string name, string stage, string reference, int samples)
    {
        File.WriteAllText(context.File(name + ".yml"), string.Create(CultureInfo.InvariantCulture,
            $"version: 1\nmodel: {model}#unet\nstages:\n{stage}  - evaluate:\n      samples: {{ count: {samples}, sampler: ddim, steps: 10 }}\n      reference: {{ {reference} }}\noutputs:\n  - format: onnx\n"));
        var result = JsonNode.Parse(Measure.Output(context.Folder, "run", context.File(name + ".yml"), "--cache", context.File("cache"), "--output", context.File("out"), "--json"))!;
        return result["stages"]!.AsArray()[^1]!["metrics"]!["figures"]!;
    }

    private static double Figure(JsonNode figures, string name) => figures[name]?["value"] is { } value ? (double)value : double.NaN;
}
