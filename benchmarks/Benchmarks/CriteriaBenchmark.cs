using System.Globalization;
using System.Text.Json.Nodes;

namespace CompressTool.Benchmarks;

/// <summary>
/// All criteria of channel pruning on a trained model: 44 % of the MACs go, the same training follows, and the samples are judged. Takes hours:
/// with COMPRESSTOOL_BENCH_STORE, a folder that stays, it goes on where it was cut off.
/// </summary>
internal sealed class CriteriaBenchmark : IBenchmark
{
    private static readonly string[] s_criteria =
    [
        "random", "magnitude", "magnitude-l1", "lamp", "norm-scale", "activation-variance",
        "taylor", "taylor-elementwise", "fisher", "diff-pruning", "diff-pruning-tables",
    ];

    private static readonly string[] s_withoutData = ["random", "magnitude", "magnitude-l1", "lamp", "norm-scale"];

    public string Name => "criteria";

    public string Description => "criteria of channel pruning on the sample's model: 56 % of the MACs left, equal training, distance of the samples over seeds (hours).";

    public void Run(BenchmarkContext context)
    {
        var (steps, samples, seeds) = (Number("COMPRESSTOOL_CRITERIA_STEPS", 400), Number("COMPRESSTOOL_CRITERIA_SAMPLES", 500), Number("COMPRESSTOOL_CRITERIA_SEEDS", 3));
        var store = Environment.GetEnvironmentVariable("COMPRESSTOOL_BENCH_STORE") ?? context.File("store");
        Copy(Path.Combine(Program.RepositoryRoot, "samples", "Shapes", "models", "shapes"), context.File("shapes"));
        context.Output.WriteLine($"{steps} steps of training, {samples} samples of DDIM 20, {seeds} seeds; the mean with the standard deviation of seeds");
        context.Output.WriteLine("| scope | criterion | loss before training | loss after | shapes-fid |");
        context.Output.WriteLine("|-------|-----------|---------------------:|-----------:|-----------:|");
        foreach (var scope in new[] { "local", "global" })
        {
            foreach (var criterion in s_criteria)
            {
                var runs = Enumerable.Range(1, seeds).Select(seed => Measure(context, store, scope, criterion, seed, steps, samples)).ToArray();
                context.Output.WriteLine($"| {scope} | {criterion} | {Text(runs, run => run.Before)} | {Text(runs, run => run.After)} | {Text(runs, run => run.Distance)} |");
            }
        }
    }

    private static (double Before, double After, double Distance) Measure(BenchmarkContext context, string store, string scope, string criterion, int seed, int steps, int samples)
    {
        var recipe = context.File("criteria.yml");
        var importance = s_withoutData.Contains(criterion) ? "" : "\n      importance: { data: { shapes: { count: 512, seed: 3 } }, batch: 64, micro-batch: 16, batches: 2, timesteps: 100 }";
        File.WriteAllText(recipe, $$"""
            version: 1
            model: shapes#unet
            seed: {{seed}}
            stages:
              - prune:
                  structure: channels
                  criterion: {{criterion}}
                  scope: {{scope}}
                  max-ratio: 80%
                  target: { macs: 56% }{{importance.Replace("\n", "\n        ", StringComparison.Ordinal)}}
              - finetune: { data: { shapes: { count: 4000, seed: 1 }, label-dropout: 0.1 }, steps: {{steps}}, batch: 16, learning-rate: 0.0005, schedule: cosine, ema: 0.99 }
              - evaluate:
                  samples: { count: {{samples}}, sampler: ddim, steps: 20 }
                  reference: { shapes: { count: 1000, seed: 2 } }
            """);
        var result = JsonNode.Parse(Benchmarks.Measure.Output(context.Folder, "run", recipe, "--cache", store, "--json"))!;
        var training = result["stages"]![1]!["metrics"]!;
        var distance = result["stages"]![2]!["metrics"]!["figures"]!["shapes-fid"]!;
        return ((double)training["taskLossBefore"]!, (double)training["taskLoss"]!, (double)distance["value"]!);
    }

    private static string Text<T>(T[] runs, Func<T, double> figure)
    {
        var mean = runs.Average(figure);
        var deviation = runs.Length < 2 ? 0 : Math.Sqrt(runs.Sum(run => Math.Pow(figure(run) - mean, 2)) / (runs.Length - 1));
        return string.Create(CultureInfo.InvariantCulture, $"{mean:0.0000} ± {deviation:0.0000}");
    }

    private static int Number(string variable, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : usual;

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var folder in Directory.EnumerateDirectories(from, "*", SearchOption.AllDirectories))
        {
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, folder)));
        }

        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)));
        }
    }
}
