using System.Text.Json.Nodes;
using CompressTool.Compression.Pruning.Blocks;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Selection;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning;

/// <summary>The <c>prune</c> stage: sets weights to zero, or removes channels, heads and neurons.</summary>
public sealed class PruneStage : Stage<PruneOptions>
{
    /// <inheritdoc/>
    public override StageInfo Info { get; } = new(
        "prune",
        Version: 3,
        "Makes a model smaller by leaving out what matters least. Structures (channels, heads, neurons, head-size, blocks) are removed for good, with "
            + "everything that hangs together with them: the model gets smaller and faster on every machine, and is trained afterwards to recover. "
            + "Single weights are set to zero: a share of them (weights), or all but N of every M along the input channels (n:m). Shapes stay then: "
            + "zeros alone make a model neither faster nor its file smaller, but archives of it, and they are what sparse kernels and formats build "
            + "on. The choice is exact and repeatable: of equals the one that comes first goes first (n:m: stays).",
        "prune: { structure: channels, criterion: magnitude, target: { ratio: 30% }, layers: { exclude: [conv_in] } }");

    /// <inheritdoc/>
    protected override bool DependsOnMachine(PruneOptions options) =>
        options.Finetune is not null || options.Importance is not null || options.Target?.Latency is not null || CriterionFactory.Of(options) == StructureCriterion.Sensitivity;

    /// <inheritdoc/>
    protected override void Validate(PruneOptions options, OptionErrors errors) => PruneValidation.Check(options, errors);

    /// <inheritdoc/>
    protected override StageResult Run(Model model, PruneOptions options, StageContext context) =>
        new(model, options.Finetune is null ? Prune(model, options, context) : new IterativePruning(options, context).Run(model));

    /// <summary>Prunes once, without training.</summary>
    internal static JsonObject Prune(Model model, PruneOptions options, StageContext context, bool isFurtherRound = false, GroupSizes? sizes = null)
    {
        if (options.Structure == PruneStructure.Blocks)
        {
            return BlockStage.Run(model, options, context);
        }

        if (options.Structure is not (PruneStructure.Weights or PruneStructure.NM))
        {
            return new StructurePruning(options, context, sizes).Run(model);
        }

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
            new MagnitudePruning(options.Target!.Sparsity!.Value, report, context).RunGlobal(selection.Layers);
        }
        else
        {
            new MagnitudePruning(options.Target!.Sparsity!.Value, report, context).RunLocal(selection.Layers);
        }

        return report.Complete(context);
    }
}
