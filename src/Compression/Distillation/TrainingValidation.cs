using CompressTool.Compression.Stages;

namespace CompressTool.Compression.Distillation;

/// <summary>What the types of training options cannot say.</summary>
internal static class TrainingValidation
{
    public static void Check(TrainingOptions options, OptionErrors errors)
    {
        if ((options.Data.Images is null) == (options.Data.Tensors is null))
        {
            errors.Add("data", "give one of images and tensors");
        }

        if (options.Data.Flip && options.Data.Tensors is not null)
        {
            errors.Add("data.flip", "only images are mirrored");
        }

        if (options.Data.Labels is not null && options.Data.Images is null)
        {
            errors.Add("data.labels", "labels go with images; tensors have a tensor for each input");
        }

        if (options.Data.Labels is null && (options.Data.LabelDropout > 0 || options.Data.NullLabel is not null))
        {
            errors.Add(options.Data.LabelDropout > 0 ? "data.label-dropout" : "data.null-label", "there are no labels; give data.labels");
        }
        else if (options.Data.NullLabel is not null && options.Data.LabelDropout == 0)
        {
            errors.Add("data.null-label", "nothing gets this label; give label-dropout");
        }

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

    private static void CheckNoise(TrainingOptions options, OptionErrors errors)
    {
        var noise = options.Noise;
        if (options.Data.Tensors is not null && noise != new NoiseOptions())
        {
            errors.Add("noise", "noise is added to images only; tensors are taken as they are");
        }

        if (noise.Scheduler is not null && (noise.Prediction is not null || noise.BetaSchedule is not null || noise.BetaStart is not null || noise.BetaEnd is not null || noise.TrainTimesteps is not null))
        {
            errors.Add("noise.scheduler", "the scheduler's file says all but min-snr; remove the other keys or the file");
        }
    }
}
