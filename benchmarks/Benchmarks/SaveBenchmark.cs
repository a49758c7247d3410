using System.Globalization;
using CompressTool.Onnx;

namespace CompressTool.Benchmarks;

/// <summary>Loading and saving a model with 3.4 GB of weights beside it, against copying its files.</summary>
internal sealed class SaveBenchmark : IBenchmark
{
    private const double MemoryLimit = 300e6;

    public string Name => "save";

    public string Description => "loading and saving the SD-1.5-size model, hashed, against copying its weights: seconds, peak memory.";

    public void Run(BenchmarkContext context)
    {
        var model = LargeModel.Create(context.Folder);
        var load = Measure.Isolated(3, Load, model);
        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"load: {load.Seconds:0.000} s, {load.PeakBytes / 1e6:0} MB"));
        var copy = Measure.Isolated(1, Copy, context.File("weights.pb"), context.File("copy"));
        var save = Measure.Isolated(1, Save, model, context.File("copy"));
        context.Judge("load and save", string.Create(CultureInfo.InvariantCulture, $"{save.Seconds:0.0} s ({save.ProcessorSeconds:0.0} s cpu), copy {copy.Seconds:0.0} s"), save.Seconds <= 3 * copy.Seconds, "3 x copy");
        context.Judge("  peak memory", string.Create(CultureInfo.InvariantCulture, $"{save.PeakBytes / 1e6:0} MB"), save.PeakBytes <= MemoryLimit, "300 MB");
    }

    private static void Load(string[] args)
    {
        using var model = Model.Load(args[0]);
    }

    private static void Save(string[] args)
    {
        using var model = Model.Load(args[0]);
        model.Save(args[1]);
    }

    private static void Copy(string[] args)
    {
        File.Copy(args[0], args[1]);
        using var stream = new FileStream(args[1], FileMode.Open, FileAccess.ReadWrite);
        stream.Flush(flushToDisk: true);
    }
}
