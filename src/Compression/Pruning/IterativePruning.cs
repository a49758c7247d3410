using System.Text.Json.Nodes;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Pruning.Selection;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning;

/// <summary>
/// Prunes in rounds, each followed by training with the zeros frozen. The sparsity grows fast at first, when there is much to
/// take, and slowly at last: target * (1 - (1 - i/n)^3) after i of n rounds (Zhu and Gupta 2017, "To prune, or not to prune").
/// </summary>
internal sealed class IterativePruning(PruneOptions options, StageContext context)
{
    /// <summary>Pruning takes next to nothing beside training.</summary>
    private const double TrainingShare = 0.95;

    /// <summary>Prunes and trains; gives the metrics of the last pruning with those of each training.</summary>
    public JsonObject Run(Model model)
    {
        var rounds = new JsonArray();
        var sizes = new GroupSizes();
        JsonObject? first = null, last = null;
        var criterion = CriterionFactory.Of(options);
        var importance = ImportanceValidation.Resolve(options.Importance, options.Finetune, criterion);
        for (var round = 1; round <= options.Rounds; round++)
        {
            var isLast = round == options.Rounds;
            sizes.MoreFollows = !isLast;
            var left = 1 - ((double)round / options.Rounds);
            var target = options.Target is { } wanted ? TargetOf(wanted, round, isLast ? 0 : left) : null;

            // Only the last pruning says what could not be pruned.
            last = PruneStage.Prune(model, options with { Target = target, Finetune = null, Criterion = criterion, Importance = importance }, Part(round, 0, 1 - TrainingShare, isLast), round > 1, sizes);
            first ??= last;
            var metrics = Train(model, round);
            foreach (var key in (string[])["sparsity", "parameters", "macs"])
            {
                metrics[key] = last[key]?.DeepClone();
            }

            rounds.Add(metrics);
        }

        // What was there before is what the first round saw.
        foreach (var (key, value) in first!.Where(pair => pair.Key.EndsWith("Before", StringComparison.Ordinal)).ToArray())
        {
            last![key] = value!.DeepClone();
        }

        last!["rounds"] = rounds;
        return last;
    }

    /// <summary>
    /// The target of a round. Zeros, and ratios, are counted from the whole model; other shares from what the round before left, so that
    /// each takes an equal part of the whole.
    /// </summary>
    /// <param name="wanted">The target of all rounds.</param>
    /// <param name="round">The round.</param>
    /// <param name="left">The share of the rounds that are still to come.</param>
    private PruneTarget TargetOf(PruneTarget wanted, int round, double left)
    {
        return new PruneTarget
        {
            Sparsity = wanted.Sparsity is { } sparsity ? new Fraction(sparsity.Value * (1 - (left * left * left))) : null,
            Ratio = wanted.Ratio is { } ratio ? new Fraction(ratio.Value * round / options.Rounds) : null,
            Parameters = Of(wanted.Parameters),
            Macs = Of(wanted.Macs),
            Latency = Of(wanted.Latency),
            Count = wanted.Count, // Blocks go in one round.
        };

        Fraction? Of(Fraction? share) => share is { } value ? new Fraction(Share(value.Value)) : null;

        double Share(double end) => LeftAfter(end, round) / LeftAfter(end, round - 1);

        double LeftAfter(double end, int rounds) => 1 - ((1 - end) * rounds / options.Rounds);
    }

    private JsonObject Train(Model model, int round)
    {
        try
        {
            // The remainder of the steps goes to the last round.
            var steps = options.Finetune!.Steps / options.Rounds;
            var finetune = options.Finetune with { Steps = round == options.Rounds ? options.Finetune.Steps - (steps * (options.Rounds - 1)) : steps };
            var trained = new TrainedModel(model, finetune, Part(round, 1 - TrainingShare, TrainingShare, true));
            return trained.Train(trained.OpenData(), [new ErrorTerm("task", 1, NoisySource.Target)]);
        }
        catch (CompressToolException e) when (e.OptionPath is { } path)
        {
            e.OptionPath = $"finetune.{path}";
            throw;
        }
    }

    /// <summary>The context of a part of a round: its share of the progress, and a work folder of its own.</summary>
    private StageContext Part(int round, double start, double share, bool warns) => new()
    {
        CancellationToken = context.CancellationToken,
        Seed = context.Seed,
        SourcePath = context.SourcePath,
        HashOf = context.HashOf,
        Share = context.Share,
        WorkFolder = context.WorkFolder is { } folder ? Path.Combine(folder, $"round-{round}") : null,
        Warn = warns ? context.Warn : null,
        Progress = new DirectProgress<StageProgress>(progress => context.Report(
            (round - 1 + start + (progress.Fraction * share)) / options.Rounds,
            options.Rounds > 1 ? $"round {round} of {options.Rounds}, {progress.Activity}" : progress.Activity)),
    };
}
