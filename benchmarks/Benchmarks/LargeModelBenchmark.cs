using System.Globalization;

namespace CompressTool.Benchmarks;

/// <summary>Stages on a model of Stable Diffusion's size, against copying its files.</summary>
internal sealed class LargeModelBenchmark : IBenchmark
{
    private const double MemoryLimit = 1.5e9;
    private const double TimeLimit = 3;

    public string Name => "sd15";

    public string Description => "inspect, prune, fp16, int8-weights on the SD-1.5-size model against copying its files: seconds, bytes/s, peak memory.";

    public void Run(BenchmarkContext context)
    {
        var model = LargeModel.Create(context.Folder);
        var weights = context.File("weights.pb");
        var bytes = new FileInfo(model).Length + new FileInfo(weights).Length;
        var copy = Measure.Median(3, () => Copy(weights, context.File("copy.pb")));
        File.Delete(context.File("copy.pb"));
        context.Output.WriteLine($"copy of {bytes / 1e9:0.00} GB, written through: {copy:0.0} s, {bytes / copy / 1e9:0.00} GB/s");

        Report(context, "inspect", bytes, copy, Measure.Tool(context.Folder, "inspect", model), timeLimit: TimeLimit);
        Report(context, "inspect --sparsity", bytes, copy, Measure.Tool(context.Folder, "inspect", model, "--sparsity"), timeLimit: TimeLimit);
        RunStage(context, "prune magnitude 50%", bytes, copy, "prune: { structure: weights, criterion: magnitude, target: { sparsity: 50% } }");
        RunStage(context, "prune 2:4", bytes, copy, "prune: { structure: n:m, pattern: \"2:4\" }");
        RunStage(context, "fp16", bytes, copy, "quantize: { scheme: fp16 }");
        RunStage(context, "int8-weights", bytes, copy, "quantize: { scheme: int8-weights }");
        RunStage(context, "int4", bytes, copy, "quantize: { scheme: int4 }");
    }

    /// <summary>The whole run counts: hashing the input, the stage, writing and hashing the result, down to the disk.</summary>
    private static void RunStage(BenchmarkContext context, string name, long bytes, double copy, string stage)
    {
        var recipe = context.File("bench.compress.yml");
        File.WriteAllText(recipe, $"version: 1\nmodel: sd15-unet.onnx\nstages:\n  - {stage}\n");
        var cache = context.File("cache");
        var cold = Measure.Tool(context.Folder, "run", recipe, "--cache", cache);
        Report(context, name, bytes, copy, cold, TimeLimit);
        var warm = Measure.Tool(context.Folder, "run", recipe, "--cache", cache);
        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"  the same again, from the store",-44} {warm.Seconds:0.00} s"));
        Directory.Delete(cache, recursive: true);
    }

    private static void Report(BenchmarkContext context, string name, long bytes, double copy, Measurement measured, double timeLimit)
    {
        var ratio = measured.Seconds / copy;
        context.Judge(name, string.Create(CultureInfo.InvariantCulture, $"{measured.Seconds:0.0} s, {bytes / measured.Seconds / 1e9:0.00} GB/s, {ratio:0.00} x copy"),
            ratio <= timeLimit, string.Create(CultureInfo.InvariantCulture, $"{timeLimit:0.#} x copy"));
        context.Judge("  peak memory", string.Create(CultureInfo.InvariantCulture, $"{measured.PeakBytes / 1e6:0} MB"), measured.PeakBytes <= MemoryLimit, "1500 MB");
    }

    /// <summary>Copies a file and waits until it is on the disk.</summary>
    internal static void Copy(string from, string to)
    {
        File.Copy(from, to, overwrite: true);
        using var stream = new FileStream(to, FileMode.Open, FileAccess.ReadWrite);
        stream.Flush(flushToDisk: true);
    }
}
