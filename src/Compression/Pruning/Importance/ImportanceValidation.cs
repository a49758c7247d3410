using CompressTool.Compression.Distillation;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Stages;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>What the types of importance options cannot say.</summary>
internal static class ImportanceValidation
{
    /// <summary>Checks the options for a criterion.</summary>
    /// <param name="options">The options; null when the recipe has none.</param>
    /// <param name="criterion">The criterion.</param>
    /// <param name="path">Where the options are, e.g. <c>importance</c>.</param>
    /// <param name="errors">Takes the errors.</param>
    public static void Check(ImportanceOptions? options, StructureCriterion criterion, string path, OptionErrors errors)
    {
        var needs = CriterionFactory.Create(criterion, 0).Data;
        if (needs == CriterionData.None)
        {
            if (options is not null)
            {
                errors.Add(path, "the criterion needs no data; remove this, or choose another criterion");
            }

            return;
        }

        if (options?.Data is null)
        {
            errors.Add(options is null ? "" : path, $"the criterion needs data: give {path}, e.g. {path}: {{ data: {{ images: images.npy }} }}");
            return;
        }

        var sweeps = Sweeps(criterion, options);
        RefuseUnread(options, path, errors,
            batches: !sweeps,
            timesteps: needs is CriterionData.Gradients or CriterionData.TimestepGradients,
            threshold: needs == CriterionData.TimestepGradients,
            training: needs != CriterionData.Activations);
        var inner = new OptionErrors();
        TrainingValidation.Check(Training(options), inner);
        foreach (var (key, message) in inner.Items)
        {
            errors.Add($"{path}.{key}", message);
        }

        if (sweeps && options.Data.Tensors is not null)
        {
            errors.Add($"{path}.data.tensors", "images go through timesteps, tensors do not; give images, or choose taylor-elementwise without timesteps");
        }
        else if (sweeps && options.Noise.MinSnr is not null)
        {
            errors.Add($"{path}.noise.min-snr", "the timesteps are added up as they are; remove min-snr");
        }
    }

    /// <summary>Refuses options that nobody would read.</summary>
    /// <param name="options">The options; null when the recipe has none.</param>
    /// <param name="path">Where they are.</param>
    /// <param name="errors">Takes the errors.</param>
    /// <param name="batches">Whether several batches are read.</param>
    /// <param name="timesteps">Whether one batch can go through timesteps.</param>
    /// <param name="threshold">Whether that stops by itself.</param>
    /// <param name="training">Whether gradients are computed.</param>
    public static void RefuseUnread(ImportanceOptions? options, string path, OptionErrors errors, bool batches = true, bool timesteps = true, bool threshold = true, bool training = true)
    {
        foreach (var (key, isGiven, isRead, reason) in (IEnumerable<(string, bool, bool, string)>)
        [
            ("batches", options?.Batches is not null, batches, "one batch goes through the timesteps"),
            ("timesteps", options?.Timesteps is not null, timesteps, "the criterion does not go through timesteps, each sample has a random one"),
            ("threshold", options?.Threshold is not null, threshold, "only diff-pruning stops at a loss"),
            ("segments", options?.Segments is not null, training, "the criterion computes no gradients"),
        ])
        {
            if (isGiven && !isRead)
            {
                errors.Add($"{path}.{key}", $"{reason}; remove {key}");
            }
        }
    }

    /// <summary>The options with data: their own, or else that of the training that follows.</summary>
    /// <param name="options">The options; null when the recipe has none.</param>
    /// <param name="finetune">The training; null for none.</param>
    /// <param name="criterion">The criterion.</param>
    /// <returns>The options; null when there are none, and the criterion needs none or there is no training.</returns>
    public static ImportanceOptions? Resolve(ImportanceOptions? options, FinetuneOptions? finetune, StructureCriterion criterion) =>
        options?.Data is not null || finetune is null || !CriterionFactory.NeedsData(criterion)
            ? options
            : (options ?? new ImportanceOptions()) with { Data = finetune.Data, Noise = finetune.Noise };

    /// <summary>Whether one batch goes through timesteps.</summary>
    public static bool Sweeps(StructureCriterion criterion, ImportanceOptions options) => CriterionFactory.Create(criterion, 0).Data switch
    {
        CriterionData.TimestepGradients => true,
        CriterionData.Gradients => options.Timesteps is not null,
        _ => false,
    };

    /// <summary>The options as those of a training, which open the same data.</summary>
    public static FinetuneOptions Training(ImportanceOptions options) => new()
    {
        Data = options.Data!,
        Batch = options.Batch,
        MicroBatch = options.MicroBatch,
        Segments = options.Segments ?? 1,
        Noise = options.Noise,
        Steps = 1,
    };
}
