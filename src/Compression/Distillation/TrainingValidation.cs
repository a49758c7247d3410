using CompressTool.Compression.Data;
using CompressTool.Compression.Sampling;
using CompressTool.Compression.Stages;

namespace CompressTool.Compression.Distillation;

/// <summary>What the types of training options cannot say.</summary>
internal static class TrainingValidation
{
    public static void Check(TrainingOptions options, OptionErrors errors)
    {
        CheckData(options.Data, errors);
        if (options.MicroBatch is { } size && options.Batch % size != 0)
        {
            errors.Add("micro-batch", $"a batch of {options.Batch} is not a multiple of {size}");
        }

        if (options.WarmUp > options.Steps)
        {
            errors.Add("warm-up", $"a warm-up of {options.WarmUp} steps is longer than the training of {options.Steps}");
        }

        if (options.LearningRate == 0)
        {
            errors.Add("learning-rate", "a learning rate of 0 changes nothing");
        }

        if (options.Ema is 1)
        {
            errors.Add("ema", "a decay of 1 keeps the weights as they are; give less, e.g. 0.999");
        }

        CheckNoise(options, errors);
    }

    private static void CheckData(TrainingData data, OptionErrors errors)
    {
        if (new object?[] { data.Images, data.Shapes, data.TeacherSamples, data.Tensors }.Count(source => source is not null) != 1)
        {
            errors.Add("data", "give one of images, shapes, teacher-samples and tensors");
        }
        else if (data.Tensors is not null && data != new TrainingData { Tensors = data.Tensors })
        {
            errors.Add("data", "only images are labelled, scaled and mirrored; tensors are taken as they are");
        }
        else
        {
            ImageData.Check(data, "data.", errors);
            if (data.TeacherSamples is { } samples)
            {
                CheckSamples(data, samples, errors);
            }

            var labelled = data.Shapes is not null || data.TeacherSamples is not null || data.Labels is not null || data.LabelFrom is not null || (data.Images?.Text.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) ?? false);
            if (!labelled && (data.LabelDropout > 0 || data.NullLabel is not null))
            {
                errors.Add(data.LabelDropout > 0 ? "data.label-dropout" : "data.null-label", "there are no labels; give data.labels or data.label-from");
            }
            else if (data.NullLabel is not null && data.LabelDropout == 0)
            {
                errors.Add("data.null-label", "nothing gets this label; give label-dropout");
            }
        }
    }

    private static void CheckSamples(TrainingData data, SampleOptions samples, OptionErrors errors)
    {
        if (data.Labels is not null || data.LabelFrom is not null || data.Fit is not null)
        {
            errors.Add(data.Labels is not null ? "data.labels" : data.LabelFrom is not null ? "data.label-from" : "data.fit", "samples of the teacher bring their labels and have its size");
        }

        samples.Check("data.teacher-samples.", errors);
    }

    private static void CheckNoise(TrainingOptions options, OptionErrors errors)
    {
        var noise = options.Noise;
        if (options.Data.Tensors is not null && noise != new NoiseOptions())
        {
            errors.Add("noise", "noise is added to images only; tensors are taken as they are");
        }

        if (noise is { Scheduler: not null, HasSchedule: true })
        {
            errors.Add("noise.scheduler", "the scheduler's file says all but min-snr; remove the other keys or the file");
        }
    }
}
