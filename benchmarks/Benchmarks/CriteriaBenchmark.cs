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

    private static readonly string[] s_withRandomTimesteps = ["activation-variance", "fisher"];

    public string Name => "criteria";

    public string Description => "criteria of channel pruning on trained models: 56 % of the MACs left, equal training, distance of the samples over seeds (hours).";

    public void Run(BenchmarkContext context)
    {
        var setting = new Setting(
            Number("COMPRESSTOOL_CRITERIA_STEPS", 200), Number("COMPRESSTOOL_CRITERIA_SAMPLES", 400), Number("COMPRESSTOOL_CRITERIA_SEEDS", 3), 50,
            Environment.GetEnvironmentVariable("COMPRESSTOOL_BENCH_STORE") ?? context.File("store"));
        Copy(Path.Combine(Program.RepositoryRoot, "samples", "Shapes", "models", "shapes"), context.File("shapes"));
        Table(context, setting, new Subject("shapes#unet", "shapes: { count: 4000, seed: 1 }, label-dropout: 0.1", "shapes: { count: 1000, seed: 2 }"), "local");
        if (Oracles.TryFind("fashion-ddpm", "unet") is not null)
        {
            Copy(Oracles.Find("fashion-ddpm"), context.File("fashion-ddpm"));
            File.Copy(Oracles.Find("fashion900.npy"), context.File("fashion900.npy"));
            var shorter = setting with { Steps = setting.Steps / 2, Samples = setting.Samples * 3 / 4, Timesteps = setting.Timesteps / 2 };
            Table(context, shorter, new Subject("fashion-ddpm#unet", "images: fashion900.npy, size: 32", "images: fashion900.npy, size: 32"), "local");
        }

        Table(context, setting, new Subject("shapes#unet", "shapes: { count: 4000, seed: 1 }, label-dropout: 0.1", "shapes: { count: 1000, seed: 2 }"), "global");
    }

    private static void Table(BenchmarkContext context, Setting setting, Subject subject, string scope)
    {
        context.Output.WriteLine($"{subject.Model}, scope {scope}: {setting.Steps} steps of training, {setting.Samples} samples of DDIM 10, {setting.Seeds} seeds; the mean with the standard deviation of seeds");
        context.Output.WriteLine("| criterion | loss before training | loss after | shapes-fid | SSIM to the whole model's |");
        context.Output.WriteLine("|-----------|---------------------:|-----------:|-----------:|--------------------------:|");
        foreach (var criterion in s_criteria)
        {
            var runs = Enumerable.Range(1, setting.Seeds).Select(seed => Measure(context, setting, subject, scope, criterion, seed)).ToArray();
            context.Output.WriteLine($"| {criterion} | {Text(runs, run => run.Before)} | {Text(runs, run => run.After)} | {Text(runs, run => run.Distance, "0.00")} | {Text(runs, run => run.Likeness, "0.000")} |");
        }
    }

    private static Outcome Measure(BenchmarkContext context, Setting setting, Subject subject, string scope, string criterion, int seed)
    {
        var recipe = context.File("criteria.yml");
        var amount = s_withRandomTimesteps.Contains(criterion) ? "batches: 1" : $"timesteps: {setting.Timesteps}";
        var importance = s_withoutData.Contains(criterion) ? "" : $"\n      importance: {{ data: {{ {subject.Data.Split(", label")[0]} }}, batch: 64, micro-batch: 16, {amount} }}";
        File.WriteAllText(recipe, $$"""
            version: 1
            model: {{subject.Model}}
            seed: {{seed}}
            stages:
              - prune:
                  structure: channels
                  criterion: {{criterion}}
                  scope: {{scope}}
                  max-ratio: 80%
                  target: { macs: 56% }{{importance}}
              - finetune: { data: { {{subject.Data}} }, steps: {{setting.Steps}}, batch: 16, learning-rate: 0.0005, schedule: cosine, ema: 0.99 }
              - evaluate:
                  samples: { count: {{setting.Samples}}, sampler: ddim, steps: 10 }
                  reference: { {{subject.Reference}} }
            """);
        var result = JsonNode.Parse(Benchmarks.Measure.Output(context.Folder, "run", recipe, "--cache", setting.Store, "--json"))!;
        var training = result["stages"]![1]!["metrics"]!;
        var figures = result["stages"]![2]!["metrics"]!["figures"]!;
        return new Outcome((double)training["taskLossBefore"]!, (double)training["taskLoss"]!, (double)figures["shapes-fid"]!["value"]!, (double)figures["ssim"]!["value"]!);
    }

    private static string Text<T>(T[] runs, Func<T, double> figure, string format = "0.0000")
    {
        var mean = runs.Average(figure);
        var deviation = runs.Length < 2 ? 0 : Math.Sqrt(runs.Sum(run => Math.Pow(figure(run) - mean, 2)) / (runs.Length - 1));
        return $"{mean.ToString(format, CultureInfo.InvariantCulture)} ± {deviation.ToString(format, CultureInfo.InvariantCulture)}";
    }

    private static int Number(string variable, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : usual;

    public static void Copy(string from, string to)
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

    private sealed record Setting(int Steps, int Samples, int Seeds, int Timesteps, string Store);

    private sealed record Subject(string Model, string Data, string Reference);

    private sealed record Outcome(double Before, double After, double Distance, double Likeness);
}
