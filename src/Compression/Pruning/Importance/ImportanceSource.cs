using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>
/// Gives criteria their gradients and activations: computed now, or kept from an earlier run of the same, whatever its target was.
/// Those of a model that is no longer what its file says (<see cref="Model.LeaveFile"/>) are not kept.
/// </summary>
internal static class ImportanceSource
{
    private const string FileName = "importance.safetensors";

    /// <summary>Raised whenever the same options would give other numbers.</summary>
    private const string Version = "1";

    /// <summary>What a criterion needs besides weights.</summary>
    /// <param name="model">The model, with the weights that it has now.</param>
    /// <param name="criterion">The criterion.</param>
    /// <param name="options">The options (<see cref="ImportanceValidation.Check"/>); null for criteria that need nothing.</param>
    /// <param name="context">The stage's context.</param>
    /// <param name="path">Where the options are, for errors.</param>
    /// <returns>The data; null when the criterion needs nothing.</returns>
    /// <exception cref="CompressToolException">The data does not fit the model, or the model cannot be differentiated.</exception>
    public static ImportanceData? Open(Model model, StructureCriterion criterion, ImportanceOptions? options, StageContext context, string path = "importance")
    {
        if (CriterionFactory.Create(criterion, context.Seed).Data == CriterionData.None)
        {
            return null;
        }

        try
        {
            var measurement = new ImportanceMeasurement(model, criterion, options!, context);
            return context.Share is { } share && model.Path is not null ? Kept(model, measurement, context, share) : measurement.Run();
        }
        catch (CompressToolException e) when (e.OptionPath is { } inner)
        {
            e.OptionPath = $"{path}.{inner}";
            throw;
        }
    }

    private static ImportanceData Kept(Model model, ImportanceMeasurement measurement, StageContext context, Func<SharedArtifact, string> share)
    {
        var ingredients = new Dictionary<string, string>(measurement.Describe())
        {
            ["model"] = string.Join(' ', model.Files.Select(context.HashOf)),
            ["engine"] = new OnnxRuntimeEngine().Version,
            ["version"] = Version,
        };
        var folder = share(new SharedArtifact("importance", ingredients, to =>
        {
            using var data = measurement.Run();
            data.Write(Path.Combine(to, FileName), context.CancellationToken);
        }));
        return ImportanceData.Open(Path.Combine(folder, FileName));
    }
}
