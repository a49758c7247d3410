using System.Globalization;
using System.Text.Json.Nodes;
using CompressTool.Compression.Evaluation;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Testing.Models;

namespace CompressTool.Benchmarks;

/// <summary>Quantization: latency against float32, memory of calibration against the number of samples, and models of several GB against a copy.</summary>
internal sealed class QuantizationBenchmark : IBenchmark
{
    private const double ConvolutionLimit = 1.5;
    private const double MatrixLimit = 2;
    private const double CopyLimit = 3;
    private const double WeightOnlyMemoryLimit = 1.5e9;
    private const double SampleMemoryLimit = 1.05;
    private const double StaticMemoryLimit = 2;

    public string Name => "quantization";

    public string Description => "int8 against float32 on classic networks, memory of calibration with 64 and 1024 samples, and weight-only schemes on the SD-1.5 U-Net against a copy.";

    public void Run(BenchmarkContext context)
    {
        // As wide as ResNet-50's first stages, MobileNetV2 and ViT-B, and less deep.
        CompareLatency(context, "resnet", () => ResNet.Build(scale: 8, side: 224), ConvolutionLimit);
        CompareLatency(context, "mobilenet-v2", () => MobileNetV2.Build(scale: 4, side: 224), ConvolutionLimit);
        CompareLatency(context, "vit", () => VisionTransformer.Build(scale: 16, side: 128), MatrixLimit);
        CompareSamples(context);
        Large(context);
    }

    private static void CompareLatency(BenchmarkContext context, string name, Func<Model> build, double limit)
    {
        var original = context.File(name + ".onnx");
        using (var model = build())
        {
            model.Save(original);
        }

        File.WriteAllText(context.File(name + ".yml"), Recipe(name + ".onnx", "scheme: int8, calibration: { random: 8 }"));
        var result = JsonNode.Parse(Measure.Output(context.Folder, "run", context.File(name + ".yml"), "--cache", context.File("cache"), "--output", context.File("out"), "--json"))!;
        var runtime = result["stages"]![0]!["metrics"]!["runtime"]!;
        context.Output.WriteLine($"{name}: {runtime["integerOperators"]!.ToJsonString()}, in floating point: {runtime["floatOperators"]!.ToJsonString()}");
        foreach (var (threads, what) in new[] { (1, "one thread"), (0, "all cores") })
        {
            var latency = LatencyComparison.Run(original, context.File(Path.Combine("out", name + ".onnx")), new OnnxRuntimeEngine(), null, new LatencyOptions { Runs = 101, WarmUp = 5, Threads = threads }, 0, default);
            context.Judge($"{name} int8, {what}", string.Create(CultureInfo.InvariantCulture, $"{1 / latency.Ratio:0.00} x ({latency.Original:0.00} -> {latency.Final:0.00} ms)"),
                1 / latency.Ratio >= limit, string.Create(CultureInfo.InvariantCulture, $"{limit:0.0} x float32"));
        }
    }

    private static void CompareSamples(BenchmarkContext context)
    {
        LargeModel.Create(context.Folder, LargeModel.Cifar);
        var peaks = new[] { 64, 1024 }.Select(samples =>
        {
            var recipe = context.File(string.Create(CultureInfo.InvariantCulture, $"cifar-{samples}.yml"));
            File.WriteAllText(recipe, Recipe("ddpm-cifar10-32.onnx", string.Create(CultureInfo.InvariantCulture, $"scheme: int8, calibration: {{ random: {samples}, batch: 1 }}")));
            return Measure.Tool(context.Folder, "run", recipe, "--cache", context.File("cache"));
        }).ToArray();
        var ratio = (double)peaks[1].PeakBytes / peaks[0].PeakBytes;
        context.Judge("ddpm-cifar10-32, peak with 1024 samples", string.Create(CultureInfo.InvariantCulture, $"{ratio:0.000} x that with 64 ({peaks[1].PeakBytes / 1e6:0} and {peaks[0].PeakBytes / 1e6:0} MB; {peaks[1].Seconds:0} and {peaks[0].Seconds:0} s)"),
            ratio <= SampleMemoryLimit, "5 % more");
    }

    private static void Large(BenchmarkContext context)
    {
        LargeModel.Create(context.Folder);
        var weights = context.File("weights.pb");
        var copy = Measure.Median(3, () => LargeModelBenchmark.Copy(weights, context.File("copy.pb")));
        File.Delete(context.File("copy.pb"));
        foreach (var scheme in new[] { "int8-weights", "int4" })
        {
            var run = Run(context, $"scheme: {scheme}");
            context.Judge($"SD-1.5 U-Net, {scheme}", string.Create(CultureInfo.InvariantCulture, $"{run.Seconds:0.0} s, {run.Seconds / copy:0.00} x copy"), run.Seconds / copy <= CopyLimit, string.Create(CultureInfo.InvariantCulture, $"{CopyLimit:0} x copy"));
            context.Judge("  peak memory", string.Create(CultureInfo.InvariantCulture, $"{run.PeakBytes / 1e6:0} MB"), run.PeakBytes <= WeightOnlyMemoryLimit, "1500 MB");
        }

        var calibrated = Run(context, "scheme: int8, calibration: { random: 2, batch: 1 }");
        var share = (double)calibrated.PeakBytes / new FileInfo(weights).Length;
        context.Judge("SD-1.5 U-Net, int8, peak memory", string.Create(CultureInfo.InvariantCulture, $"{share:0.00} x its bytes ({calibrated.PeakBytes / 1e6:0} MB, {calibrated.Seconds:0} s)"), share <= StaticMemoryLimit, "2 x its bytes");
    }

    private static Measurement Run(BenchmarkContext context, string options)
    {
        File.WriteAllText(context.File("sd15.yml"), Recipe("sd15-unet.onnx", options));
        var run = Measure.Tool(context.Folder, "run", context.File("sd15.yml"), "--cache", context.File("cache"));
        Directory.Delete(context.File("cache"), recursive: true);
        return run;
    }

    private static string Recipe(string model, string options) => $"version: 1\nmodel: {model}\nstages:\n  - quantize: {{ {options} }}\noutputs:\n  - format: onnx\n";
}
