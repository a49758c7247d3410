using CompressTool.Compression.Data;
using CompressTool.Compression.Sampling;
using CompressTool.Diffusion.Data;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Loop;

namespace CompressTool.Compression.Distillation;

/// <summary>Images for a diffusion model, as they are.</summary>
/// <param name="Source">Batches of them, with labels where the model takes any, by the names of the inputs.</param>
/// <param name="Inputs">The model's inputs.</param>
internal sealed record CleanImages(IBatchSource Source, DiffusionInputs Inputs);

/// <summary>Opens images, and the labels that go with them, as the data of a diffusion model's training.</summary>
internal static class NoisyImages
{
    /// <summary>Batches of noisy images.</summary>
    /// <inheritdoc cref="OpenClean"/>
    public static IBatchSource Open(Model model, TrainingOptions options, Func<SampleOptions, ImageSet> draw)
    {
        var (source, inputs) = OpenClean(model, options, draw);
        return new NoisySource(source, DenoisingTask.Create(options.Noise, model), inputs.Sample.Name, inputs.Timestep);
    }

    /// <summary>Batches of images without noise.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The options.</param>
    /// <param name="draw">Draws samples of the teacher.</param>
    /// <exception cref="CompressToolException">The model has other inputs, or the data does not fit them.</exception>
    public static CleanImages OpenClean(Model model, TrainingOptions options, Func<SampleOptions, ImageSet> draw)
    {
        var graph = model.Graph;
        if (!graph.Inputs.Any(input => input.ElementType == DataType.Float && input.Shape is { Count: 4 }))
        {
            throw Unsuitable("the model has no input for images: float32 with 4 dimensions; give tensors instead");
        }

        var inputs = DiffusionInputs.Find(graph)
            ?? throw Unsuitable($"images can train a model with inputs for samples, timesteps and perhaps class_labels, and this one has {string.Join(", ", graph.Inputs.Select(input => input.ToString()))}; give tensors instead");
        var sample = inputs.Sample;
        var set = options.Data.TeacherSamples is { } samples ? draw(samples) : ImageData.Open(options.Data, sample.Shape!, "data.");
        var labels = Labels(inputs, set.Labels, options.Data.Labels is not null || options.Data.LabelFrom is not null);
        var source = new ImageSource(
            set.Images,
            new ImageSourceOptions
            {
                BatchSize = options.Batch,
                Input = sample.Name,
                Flip = options.Data.Flip,
                Size = ImageData.SizeOf(options.Data, sample.Shape!),
            },
            labels is null ? null : [new(inputs.Labels!.Name, LabelDropoutSource.Convert(labels, inputs.Labels.ElementType))]);
        if (sample.Shape![1].Value is { } channels && channels != source.Channels)
        {
            throw Invalid("images", $"the images have {source.Channels} channels, and the input '{sample.Name}' of the model takes {channels}");
        }

        return new CleanImages(labels is not null && options.Data.LabelDropout > 0
            ? new LabelDropoutSource(source, inputs.Labels!.Name, options.Data.LabelDropout, NullLabel(labels, set.Classes.Count, options.Data, inputs))
            : source, inputs);
    }

    /// <param name="inputs">The model's inputs.</param>
    /// <param name="labels">The labels of the images.</param>
    /// <param name="asked">Whether the recipe names labels; images that merely bring them may train any model.</param>
    private static long[]? Labels(DiffusionInputs inputs, long[]? labels, bool asked)
    {
        if (inputs.Labels is not { } input)
        {
            return labels is null || !asked ? null : throw Invalid("labels", "the model takes no labels; remove them");
        }

        if (labels is null)
        {
            throw Invalid("labels", $"the model takes '{input.Name}'; give the class of each image with labels or label-from");
        }

        if (input.ElementType is not (DataType.Int64 or DataType.Int32 or DataType.Float))
        {
            throw Unsuitable($"labels can feed int64, int32 and float32, and the model takes {input}");
        }

        var limit = inputs.Classes() ?? int.MaxValue;
        var bad = Array.FindIndex(labels, label => label < 0 || label >= limit);
        return bad < 0 ? labels : throw Invalid("labels", $"image {bad} has the label {labels[bad]}, and the model has the classes 0 to {limit - 1}");
    }

    /// <summary>The label of no class: the one that is given, or the first that no image has.</summary>
    private static int NullLabel(long[] labels, int classes, TrainingData data, DiffusionInputs inputs)
    {
        var label = data.NullLabel ?? Math.Max(classes, (int)labels.Max() + 1);
        return inputs.Classes() is { } known && label >= known
            ? throw Invalid(data.NullLabel is null ? "label-dropout" : "null-label", $"the label of no class would be {label}, and the model has embeddings for 0 to {known - 1}; it needs one more class than the images have")
            : label;
    }

    private static CompressToolException Invalid(string key, string message) => new(CompressionErrors.InvalidTraining, message) { OptionPath = $"data.{key}" };

    private static CompressToolException Unsuitable(string message) => new(CompressionErrors.UnsuitableModel, message) { OptionPath = "data" };
}
