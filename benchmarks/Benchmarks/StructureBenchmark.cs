using System.Globalization;
using CompressTool.Compression.Evaluation;
using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Runtime.Engine;

namespace CompressTool.Benchmarks;

/// <summary>Structured pruning: the dependency analysis against Torch-Pruning's, a whole run against copying files, and latency against MACs.</summary>
internal sealed class StructureBenchmark : IBenchmark
{
    /// <summary>Seconds that Torch-Pruning takes for its dependency graph of the same U-Net on such a machine, before it fails on it.</summary>
    private const double TorchPruningSeconds = 16.6;
    private const double AnalysisLimit = 1.6;
    private const double CopyLimit = 3;
    private const double MemoryLimit = 1.5e9;
    private const double LatencyLimit = 0.9;

    /// <summary>Channels that ONNX Runtime's convolutions take at once where the processor has AVX-512.</summary>
    private const int Block = 16;

    public string Name => "structures";

    public string Description => "Channel pruning: analysis of the SD-1.5 U-Net, pruning it by 30 % against copying its files, and how much of the MACs saved on ddpm-cifar10-32 is saved in time.";

    /// <summary>Finds what is coupled in a model, in a process of its own.</summary>
    public static void Analyze(string[] args)
    {
        using var model = Model.Load(args[0]);
        DependencyGraph.Prepare(model);
        DependencyGraph.Analyze(model);
    }

    public void Run(BenchmarkContext context)
    {
        var model = LargeModel.Create(context.Folder);
        var weights = context.File("weights.pb");
        var analysis = Measure.Isolated(5, Analyze, model);
        context.Judge("analysis of the SD-1.5 U-Net", string.Create(CultureInfo.InvariantCulture, $"{analysis.Seconds:0.00} s, {TorchPruningSeconds / analysis.Seconds:0} x Torch-Pruning's"),
            analysis.Seconds < AnalysisLimit, string.Create(CultureInfo.InvariantCulture, $"{AnalysisLimit} s"));

        var copy = Measure.Median(3, () => LargeModelBenchmark.Copy(weights, context.File("copy.pb")));
        File.Delete(context.File("copy.pb"));
        File.WriteAllText(context.File("sd15.yml"), Recipe("sd15-unet.onnx"));
        var run = Measure.Tool(context.Folder, "run", context.File("sd15.yml"), "--cache", context.File("cache"));
        context.Judge("prune channels 30 %, magnitude", string.Create(CultureInfo.InvariantCulture, $"{run.Seconds:0.0} s, {run.Seconds / copy:0.00} x copy"),
            run.Seconds / copy <= CopyLimit, string.Create(CultureInfo.InvariantCulture, $"{CopyLimit:0.#} x copy"));
        context.Judge("  peak memory", string.Create(CultureInfo.InvariantCulture, $"{run.PeakBytes / 1e6:0} MB"), run.PeakBytes < MemoryLimit, "1500 MB");
        Directory.Delete(context.File("cache"), recursive: true);
        File.Delete(weights);

        CompareLatency(context);
    }

    private static void CompareLatency(BenchmarkContext context)
    {
        var whole = LargeModel.Create(context.Folder, LargeModel.Cifar);
        File.WriteAllText(context.File("cifar.yml"), Recipe("ddpm-cifar10-32.onnx", $", round-to: {Block}") + "outputs:\n  - format: onnx\n");
        Measure.Tool(context.Folder, "run", context.File("cifar.yml"), "--cache", context.File("cache"), "--output", context.File("out"));
        var pruned = context.File(Path.Combine("out", "cifar.onnx"));
        var macs = Macs(pruned) / Macs(whole);
        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ddpm-cifar10-32 by 30 %, a multiple of {Block} channels left: MACs {macs:P1}"));
        foreach (var (threads, name) in new[] { (1, "one thread"), (0, "all cores") })
        {
            var latency = LatencyComparison.Run(whole, pruned, new OnnxRuntimeEngine(), null, new LatencyOptions { Runs = 101, WarmUp = 5, Threads = threads, MaxSeconds = 120 }, 0, default);
            var share = (1 - latency.Ratio) / (1 - macs);
            context.Judge($"time saved over MACs saved, {name}", string.Create(CultureInfo.InvariantCulture, $"{share:0.00} ({latency.Original:0.0} -> {latency.Final:0.0} ms, {latency.Ratio:P1})"),
                share >= LatencyLimit, string.Create(CultureInfo.InvariantCulture, $"{LatencyLimit}"));
        }
    }

    private static double Macs(string path)
    {
        using var model = Model.Load(path);
        return ModelCost.Measure(model).Macs;
    }

    private static string Recipe(string model, string options = "") =>
        $"version: 1\nmodel: {model}\nstages:\n  - prune: {{ structure: channels, criterion: magnitude, target: {{ ratio: 30% }}{options} }}\n";
}
