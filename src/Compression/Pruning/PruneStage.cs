using System.Text.Json.Nodes;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning;

/// <summary>The <c>prune</c> stage: sets weights to zero, keeping all shapes.</summary>
public sealed class PruneStage : Stage<PruneOptions>
{
    /// <inheritdoc/>
    public override StageInfo Info { get; } = new(
        "prune",
        Version: 1,
        "Sets the least important weights of convolutions and matrix products to zero: a share of them (weights), or all but N of every M "
            + "along the input channels (n:m). Biases, norms and embeddings stay as they are, and so do all shapes: zeros alone make a model neither "
            + "faster nor its file smaller, but archives of it, and they are what sparse kernels and formats build on. The choice is exact and "
            + "repeatable: among equal magnitudes the one that comes first goes first (weights) or stays (n:m).",
        "prune: { structure: weights, criterion: magnitude, target: { sparsity: 50% }, layers: { exclude: [conv_in, conv_out] } }");

    /// <inheritdoc/>
    protected override bool DependsOnMachine(PruneOptions options) => options.Finetune is not null;

    /// <inheritdoc/>
    protected override void Validate(PruneOptions options, OptionErrors errors)
    {
        ValidateRounds(options, errors);
        if (options.Structure == PruneStructure.Weights)
        {
            if (options.Target is null)
            {
                errors.Add("", "structure weights needs a target, e.g. target: { sparsity: 50% }");
            }
            else if (options.Target.Sparsity.Value is not (> 0 and < 1))
            {
                errors.Add("target.sparsity", $"a sparsity of {options.Target.Sparsity} would leave {(options.Target.Sparsity.Value <= 0 ? "everything as it is" : "no weight at all")}; give a share between 0% and 100%");
            }

            if (options.Pattern is not null)
            {
                errors.Add("pattern", "a pattern belongs to structure n:m; for single weights give target: { sparsity: ... } instead");
            }
        }
        else
        {
            if (options.Pattern is null)
            {
                errors.Add("", "structure n:m needs a pattern: 2:4, 4:8 or 1:4");
            }

            if (options.Target is not null)
            {
                errors.Add("target", "structure n:m has no target: its pattern says how much goes; remove one of the two");
            }

            if (options.Scope == PruneScope.Global)
            {
                errors.Add("scope", "structure n:m chooses within every M weights; scope global belongs to structure weights");
            }
        }
    }

    /// <inheritdoc/>
    protected override StageResult Run(Model model, PruneOptions options, StageContext context) =>
        new(model, options.Finetune is null ? Prune(model, options, context) : new IterativePruning(options, context).Run(model));

    /// <summary>Prunes once, without training.</summary>
    internal static JsonObject Prune(Model model, PruneOptions options, StageContext context, bool isFurtherRound = false)
    {
        var selection = LayerSelection.Select(Layers.Find(model.Graph), options.Layers);
        if (selection.Layers.Count == 0)
        {
            throw new CompressToolException(CompressionErrors.NoEffect, "no layer is left to prune: the model has none, or the selector excludes them all") { OptionPath = "layers" };
        }

        var report = new PruneReport(selection, isFurtherRound);
        if (options.Structure == PruneStructure.NM)
        {
            new NMPruning(options.Pattern!.Value, report, context).Run(selection.Layers);
        }
        else if (options.Scope == PruneScope.Global)
        {
            new MagnitudePruning(options.Target!.Sparsity, report, context).RunGlobal(selection.Layers);
        }
        else
        {
            new MagnitudePruning(options.Target!.Sparsity, report, context).RunLocal(selection.Layers);
        }

        return report.Complete(context);
    }

    private static void ValidateRounds(PruneOptions options, OptionErrors errors)
    {
        if (options.Rounds > 1 && options.Finetune is null)
        {
            errors.Add("rounds", "several rounds need training in between: add finetune, or leave rounds out");
        }

        if (options.Rounds > 1 && options.Structure == PruneStructure.NM)
        {
            errors.Add("rounds", "a pattern is reached in one round; rounds belong to structure weights");
        }

        if (options.Finetune is not { } finetune)
        {
            return;
        }

        var inner = new OptionErrors();
        TrainingValidation.Check(finetune, inner);
        foreach (var (path, message) in inner.Items)
        {
            errors.Add($"finetune.{path}", message);
        }

        if (!finetune.KeepZeros)
        {
            errors.Add("finetune.keep-zeros", "training would bring pruned weights back; leave keep-zeros out");
        }

        if (finetune.Steps < options.Rounds)
        {
            errors.Add("finetune.steps", $"{finetune.Steps} steps are not enough for {options.Rounds} rounds");
        }
    }
}
