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
    protected override void Validate(PruneOptions options, OptionErrors errors)
    {
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
    protected override StageResult Run(Model model, PruneOptions options, StageContext context)
    {
        var selection = LayerSelection.Select(Layers.Find(model.Graph), options.Layers);
        if (selection.Layers.Count == 0)
        {
            throw new CompressToolException(CompressionErrors.NoEffect, "no layer is left to prune: the model has none, or the selector excludes them all") { OptionPath = "layers" };
        }

        var report = new PruneReport(selection);
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

        return new StageResult(model, report.Complete(context));
    }
}
