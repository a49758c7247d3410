using System.Diagnostics;
using System.Globalization;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning.Blocks;
using CompressTool.Compression.Sampling;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Benchmarks;

/// <summary>Blocks of Stable Diffusion's U-Net, found and removed; and how well losses of single blocks of a trained model add up.</summary>
internal sealed class BlockBenchmark : IBenchmark
{
    private const int Subsets = 50;

    public string Name => "blocks";

    public string Description => "finding and removing blocks of Stable Diffusion 1.5, and whether losses of blocks add up (fashion-ddpm).";

    public void Run(BenchmarkContext context)
    {
        var path = Oracles.Find("big", "sd15-unet.onnx");
        var (find, remove, count) = (new List<double>(), new List<double>(), 0);
        for (var run = 0; run < 6; run++)
        {
            using var model = Model.Load(path, new LoadOptions { AllowMissingWeights = true });
            find.Add(Seconds(() => count = BlockAnalysis.Find(model).Count));
            remove.Add(Seconds(() => BlockRemoval.Remove(model, BlockSets.Find(model, BlockSet.Small))));
        }

        // The first time, with the program still to be compiled, is what a user sees.
        context.Judge($"{count} blocks of the U-Net found", Text($"{find[0]:0.00} s, then {find[1..].Min():0.00} s"), find[0] <= 1.6, "1.6 s");
        context.Judge("bk-sdm-small removed", Text($"{remove[0]:0.00} s, then {remove[1..].Min():0.00} s"), remove[0] <= 1.6, "1.6 s");
        var laptop = new BlockPruneOptions
        {
            Calibration = new BlockCalibration { Data = new TrainingData { Images = new RecipeFiles("fashion900.npy", Oracles.Find("fashion900.npy")) }, Samples = 64, Batch = 32 },
        };
        Additivity(context, "laptop", laptop);
        Additivity(context, "laptop, 5 blocks each", laptop, size: 5);
        Additivity(context, "sensitivity", new BlockPruneOptions { Criterion = BlockCriterion.Sensitivity, Samples = new ModelSampleOptions { Count = 16, Steps = 10, Batch = 16 } });
    }

    private static void Additivity(BenchmarkContext context, string criterion, BlockPruneOptions options, int? size = null)
    {
        using var model = Model.Load(Oracles.Find("fashion-ddpm", "model_op17.onnx"));
        BlockAdditivity? result = null;
        var seconds = Seconds(() => result = BlockPruning.Additivity(model, options, new StageContext { Seed = 1 }, Subsets, size));
        context.Judge($"{criterion}: sum and joint loss", Text($"Spearman {result!.Spearman:0.000}, Pearson of logs {result.Pearson:0.000}"), result.Spearman >= 0.8, "0.8");
        context.Output.WriteLine(Text($"  measured in {seconds:0.0} s; joint loss over sum: median {result.Joint.Zip(result.Sums, (joint, sum) => joint / sum).Order().ElementAt(Subsets / 2):0.00}, losses {result.Joint.Min():0.0000} to {result.Joint.Max():0.00}"));
    }

    private static double Seconds(Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed.TotalSeconds;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
