using System.Text.Json.Nodes;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>Blocks in the words of the stage <c>prune</c>, which its structures share.</summary>
internal static class BlockStage
{
    private static readonly (string Own, string Shared)[] s_names = [("calibration", "importance"), ("candidates", "layers")];

    /// <summary>Checks the options.</summary>
    public static void Check(PruneOptions options, OptionErrors errors)
    {
        if (CriterionOf(options) is null)
        {
            errors.Add("criterion", "blocks are judged by laptop, sensitivity, magnitude or random; the other criteria belong to channels");
            return;
        }

        if (options.Target is { Parameters: null, Macs: null, Count: null })
        {
            errors.Add("target", "structure blocks has the targets parameters, macs (what is left) and count (how many go)");
            return;
        }

        if (options.Finetune is not null && options.Rounds > 1)
        {
            errors.Add("rounds", "blocks go in one round; rounds belong to channels and weights");
        }

        if (options.Scope != PruneScope.Local)
        {
            errors.Add("scope", "blocks are always chosen over the whole model; leave scope out");
        }

        ImportanceValidation.RefuseUnread(options.Importance, "importance", errors, timesteps: false, threshold: false, training: false);
        var inner = new OptionErrors();
        BlockPruning.Validate(Of(options), inner);
        foreach (var (path, message) in inner.Items)
        {
            errors.Add(Shared(path), message.Replace("give calibration", "give importance", StringComparison.Ordinal));
        }
    }

    /// <summary>Removes the blocks.</summary>
    public static JsonObject Run(Model model, PruneOptions options, StageContext context)
    {
        try
        {
            return BlockPruning.Run(model, Of(options), context);
        }
        catch (CompressToolException e) when (e.OptionPath is { } path)
        {
            e.OptionPath = Shared(path);
            throw;
        }
    }

    private static string Shared(string path)
    {
        foreach (var (own, shared) in s_names)
        {
            if (path == own || path.StartsWith(own + ".", StringComparison.Ordinal))
            {
                return shared + path[own.Length..];
            }
        }

        return path;
    }

    private static BlockPruneOptions Of(PruneOptions options)
    {
        var importance = ImportanceValidation.Resolve(options.Importance, options.Finetune, CriterionFactory.Of(options));
        return new BlockPruneOptions
        {
            Blocks = options.Blocks,
            Remove = options.Remove,
            Criterion = CriterionOf(options)!.Value,
            Target = options.Target is { } target ? new BlockTarget { Parameters = target.Parameters, Macs = target.Macs, Count = target.Count } : null,
            Candidates = new BlockSelector { Include = options.Layers.Include, Exclude = options.Layers.Exclude },
            Calibration = importance?.Data is not { } data ? null : new BlockCalibration { Data = data, Batch = importance.Batch, Samples = importance.Batch * importance.BatchCount, Noise = importance.Noise },
            Samples = options.Samples,
        };
    }

    private static BlockCriterion? CriterionOf(PruneOptions options) => CriterionFactory.Of(options) switch
    {
        StructureCriterion.Laptop => BlockCriterion.Laptop,
        StructureCriterion.Sensitivity => BlockCriterion.Sensitivity,
        StructureCriterion.Magnitude => BlockCriterion.Magnitude,
        StructureCriterion.Random => BlockCriterion.Random,
        _ => null,
    };
}
