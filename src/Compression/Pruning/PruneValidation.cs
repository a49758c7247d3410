using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning.Blocks;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Stages;

namespace CompressTool.Compression.Pruning;

/// <summary>What the types of the options of <c>prune</c> cannot say.</summary>
internal static class PruneValidation
{
    /// <summary>Checks the options.</summary>
    public static void Check(PruneOptions options, OptionErrors errors)
    {
        CheckRounds(options, errors);
        switch (options.Structure)
        {
            case PruneStructure.Weights:
                CheckWeights(options, errors);
                break;
            case PruneStructure.NM:
                CheckPattern(options, errors);
                break;
            case PruneStructure.Blocks:
                BlockStage.Check(options, errors);
                RefuseChannelOptions(options, errors);
                break;
            default:
                CheckStructures(options, errors);
                break;
        }

        if (options.Structure != PruneStructure.Blocks)
        {
            foreach (var (key, isGiven) in (IEnumerable<(string, bool)>)[("blocks", options.Blocks is not null), ("remove", options.Remove.Count > 0), ("samples", options.Samples is not null), ("target.count", options.Target?.Count is not null)])
            {
                if (isGiven)
                {
                    errors.Add(key, $"{key} belongs to structure blocks");
                }
            }
        }
    }

    private static void CheckWeights(PruneOptions options, OptionErrors errors)
    {
        if (options.Target is null)
        {
            errors.Add("", "structure weights needs a target, e.g. target: { sparsity: 50% }");
        }
        else if (options.Target.Sparsity is not { } sparsity)
        {
            errors.Add("target", "structure weights has the target sparsity; the other targets belong to structures that are removed, e.g. channels");
        }
        else if (sparsity.Value is not (> 0 and < 1))
        {
            errors.Add("target.sparsity", $"a sparsity of {sparsity} would leave {(sparsity.Value <= 0 ? "everything as it is" : "no weight at all")}; give a share between 0% and 100%");
        }

        if (options.Pattern is not null)
        {
            errors.Add("pattern", "a pattern belongs to structure n:m; for single weights give target: { sparsity: ... } instead");
        }

        RefuseStructureOptions(options, errors);
    }

    private static void CheckPattern(PruneOptions options, OptionErrors errors)
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

        RefuseStructureOptions(options, errors);
    }

    private static void CheckStructures(PruneOptions options, OptionErrors errors)
    {
        var structure = OptionNames.Of(options.Structure);
        if (options.Target is not { } target)
        {
            errors.Add("", $"structure {structure} needs a target, e.g. target: {{ ratio: 30% }} (what goes) or target: {{ macs: 56% }} (what is left)");
        }
        else if (target.Sparsity is not null)
        {
            errors.Add("target.sparsity", $"structure {structure} removes what it prunes; give ratio, parameters, macs or latency");
        }
        else
        {
            foreach (var (key, share) in (IEnumerable<(string, Fraction?)>)[("ratio", target.Ratio), ("parameters", target.Parameters), ("macs", target.Macs), ("latency", target.Latency)])
            {
                if (share is { Value: not (> 0 and < 1) })
                {
                    errors.Add($"target.{key}", $"{share} would leave {(share.Value.Value <= 0 == (key == "ratio") ? "everything as it is" : "nothing")}; give a share between 0% and 100%");
                }
            }
        }

        if (options.Pattern is not null)
        {
            errors.Add("pattern", $"a pattern belongs to structure n:m, not to {structure}");
        }

        var criterion = CriterionFactory.Of(options);
        if (criterion is StructureCriterion.Laptop or StructureCriterion.Sensitivity)
        {
            errors.Add("criterion", "this criterion judges whole blocks; choose another one, or structure: blocks");
            return;
        }

        ImportanceValidation.Check(ImportanceValidation.Resolve(options.Importance, options.Finetune, criterion), criterion, "importance", errors);
        if (options.MaxRatio.Value <= 0)
        {
            errors.Add("max-ratio", "nothing may go; give a share above 0%");
        }
    }

    private static void RefuseStructureOptions(PruneOptions options, OptionErrors errors)
    {
        if (CriterionFactory.Of(options) != StructureCriterion.Magnitude)
        {
            errors.Add("criterion", "single weights are kept by their magnitude; the other criteria belong to structures that are removed, e.g. channels");
        }

        if (options.Importance is not null)
        {
            errors.Add("importance", "importance belongs to structures that are removed, e.g. channels");
        }

        RefuseChannelOptions(options, errors);
    }

    private static void RefuseChannelOptions(PruneOptions options, OptionErrors errors)
    {
        var defaults = new PruneOptions();
        foreach (var (key, isGiven) in (IEnumerable<(string, bool)>)
        [
            ("round-to", options.RoundTo != defaults.RoundTo), ("max-ratio", options.MaxRatio != defaults.MaxRatio),
            ("block-ranking", options.BlockRanking != defaults.BlockRanking), ("pattern", options.Pattern is not null && options.Structure == PruneStructure.Blocks),
        ])
        {
            if (isGiven)
            {
                errors.Add(key, $"{key} does not belong to structure {(options.Structure == PruneStructure.Blocks ? "blocks" : "weights or n:m")}, but to channels, heads and neurons");
            }
        }
    }

    private static void CheckRounds(PruneOptions options, OptionErrors errors)
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

        if (!finetune.KeepZeros && options.Structure is PruneStructure.Weights or PruneStructure.NM)
        {
            errors.Add("finetune.keep-zeros", "training would bring pruned weights back; leave keep-zeros out");
        }

        if (finetune.Steps < options.Rounds)
        {
            errors.Add("finetune.steps", $"{finetune.Steps} steps are not enough for {options.Rounds} rounds");
        }
    }
}
