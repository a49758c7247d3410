using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>Removes blocks: a named set, blocks by name, or those that cost least by a criterion.</summary>
public static class BlockPruning
{
    /// <summary>Checks what the options' types cannot say.</summary>
    /// <param name="options">The options.</param>
    /// <param name="errors">Receives what is wrong.</param>
    public static void Validate(BlockPruneOptions options, OptionErrors errors)
    {
        var ways = (options.Blocks is null ? 0 : 1) + (options.Remove.Count == 0 ? 0 : 1) + (options.Target is null ? 0 : 1);
        if (ways != 1)
        {
            errors.Add("", "structure blocks needs one of blocks (a set with a name), remove (names) and target (how much is left)");
        }

        if (options.Target is null)
        {
            return;
        }

        foreach (var (key, share) in new[] { ("parameters", options.Target.Parameters), ("macs", options.Target.Macs) })
        {
            if (share is { Value: <= 0 or >= 1 })
            {
                errors.Add($"target.{key}", $"{share} would leave {(share.Value.Value <= 0 ? "nothing" : "everything")}; give a share between 0% and 100%");
            }
        }

        if (options.Criterion == BlockCriterion.Laptop && options.Calibration is null)
        {
            errors.Add("", "the criterion laptop needs data: give calibration, or take the criterion sensitivity, which needs none");
        }

        if (options.Criterion == BlockCriterion.Laptop && options.Calibration is { Data: { Images: null, Shapes: null, Tensors: null, TeacherSamples: null } })
        {
            errors.Add("calibration.data", "give images, shapes, teacher-samples or tensors");
        }

        options.Samples?.Check("samples.", errors);
    }

    /// <summary>Removes the blocks from a model.</summary>
    /// <param name="model">The model; it is changed.</param>
    /// <param name="options">The options.</param>
    /// <param name="context">Progress, seed, and where scores are kept.</param>
    /// <returns>Figures: the cost before and afterwards, the blocks, and for a measured choice the sum of their losses and the loss of all together.</returns>
    /// <exception cref="CompressToolException">A name matches nothing (CMP4001), the model has no such blocks (CMP4002, CMP4004), or the target cannot be met.</exception>
    public static JsonObject Run(Model model, BlockPruneOptions options, StageContext context)
    {
        context.Report(0, "finding blocks");
        var figures = new JsonObject();
        var chosen = options.Blocks is { } set ? BlockSets.Find(model, set)
            : options.Remove.Count > 0 ? Outermost(BlockNaming.Select(BlockAnalysis.Find(model), options.Remove, "remove"))
            : Choose(model, options, context, figures);
        var blocks = new JsonArray([.. chosen.Select(block => new JsonObject { ["name"] = block.Name, ["kind"] = OptionNames.Of(block.Kind), ["parameters"] = block.Parameters, ["macs"] = block.Macs })]);
        var report = BlockRemoval.Remove(model, chosen);
        model.LeaveFile();
        figures["blocks"] = blocks;
        figures["parametersBefore"] = report.Before.Parameters;
        figures["parameters"] = report.After.Parameters;
        figures["macsBefore"] = report.Before.Macs;
        figures["macs"] = report.After.Macs;
        return figures;
    }

    /// <summary>Measures how well the losses of innermost blocks add up, which choosing by a target takes for granted.</summary>
    /// <param name="model">The model; it is the same afterwards.</param>
    /// <param name="options">The criterion, one that is measured, with its options, and the candidates.</param>
    /// <param name="context">Progress, seed, and where scores are kept.</param>
    /// <param name="subsets">How many random choices of blocks are measured.</param>
    /// <param name="size">How many blocks each choice has; from one to half of them when null.</param>
    /// <exception cref="CompressToolException">The criterion measures nothing, or the model has no blocks.</exception>
    public static BlockAdditivity Additivity(Model model, BlockPruneOptions options, StageContext context, int subsets = 50, int? size = null)
    {
        var losses = new BlockLosses(model, options, context);
        if (!losses.IsMeasured)
        {
            throw new CompressToolException(CompressionErrors.UnsuitableModel, $"{options.Criterion} measures no loss of several blocks together; take laptop or sensitivity") { OptionPath = "criterion" };
        }

        var all = Candidates(BlockAnalysis.Find(model), options.Candidates);
        Block[] blocks = [.. all.Where(block => !all.Any(other => other.IsInside(block)))];
        return BlockAdditivity.Measure(blocks, losses.Score(blocks), choices => losses.Measure(blocks, choices, 0.4, 0.6), subsets, (ulong)context.Seed, size is { } wanted ? Math.Min(wanted, blocks.Length) : null);
    }

    private static IReadOnlyList<Block> Choose(Model model, BlockPruneOptions options, StageContext context, JsonObject figures)
    {
        var candidates = Candidates(BlockAnalysis.Find(model), options.Candidates);
        var cost = ModelCost.Measure(model, BlockGraph.LengthsOf(model));
        var (measure, demand, key) = options.Target! switch
        {
            { Parameters: { } share } => (BlockMeasure.Parameters, BlockSelection.Demand(cost, BlockMeasure.Parameters, share.Value), "parameters"),
            { Macs: { } share } => (BlockMeasure.Macs, BlockSelection.Demand(cost, BlockMeasure.Macs, share.Value), "macs"),
            var target => (BlockMeasure.Count, target.Count!.Value, "count"),
        };
        if (BlockSelection.Most(candidates, measure) is var most && most < demand)
        {
            throw new CompressToolException(CompressionErrors.NoEffect, measure == BlockMeasure.Count
                ? $"the model has {most} blocks that may go, and {demand} shall go"
                : $"without any of the {candidates.Count} blocks that may go, {BlockSelection.Left(cost, measure, most):0.#%} of the {key} are left; give a higher target, or prune channels too")
            { OptionPath = $"target.{key}" };
        }

        var losses = new BlockLosses(model, options, context);
        var scores = losses.Score(candidates);
        var chosen = BlockSelection.Choose(candidates, scores, measure, demand)!;
        figures["candidates"] = candidates.Count;
        figures["lossSum"] = chosen.Sum(scores.Of);
        if (losses.IsMeasured)
        {
            figures["loss"] = losses.Joint(chosen);
        }

        return chosen;
    }

    private static IReadOnlyList<Block> Candidates(IReadOnlyList<Block> blocks, BlockSelector selector)
    {
        var included = selector.Include.Count == 0 ? blocks : BlockNaming.Select(blocks, selector.Include, "candidates.include");
        var excluded = BlockNaming.Select(blocks, selector.Exclude, "candidates.exclude");
        Block[] left = [.. included.Where(block => !excluded.Any(other => other == block || other.IsInside(block)))];
        return left.Length > 0 ? left : throw new CompressToolException(CompressionErrors.NoEffect, blocks.Count == 0
            ? "the model has no blocks that can go: no residual branches, and no layers in a row that give the shape that they take"
            : "no block is left to remove: the patterns exclude them all")
        { OptionPath = "candidates" };
    }

    private static Block[] Outermost(IReadOnlyList<Block> blocks) => [.. blocks.Where(block => !blocks.Any(block.IsInside))];
}
