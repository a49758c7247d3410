using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Sampling;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>Samples that a diffusion model draws to be looked at.</summary>
public sealed record CalibrationSampleOptions : ModelSampleOptions
{
    /// <summary>A few samples: each is looked at at many timesteps.</summary>
    public CalibrationSampleOptions() => (Count, Batch) = (8, 4);
}

/// <summary>What a model is looked at with, and how the ranges of its activations are chosen.</summary>
public sealed record CalibrationOptions
{
    /// <summary>The data.</summary>
    [Option("What the model is looked at with: tensors, or images, to which the noise schedule adds noise. When left out, a diffusion model draws samples, and every other model needs this.", Example = "{ tensors: inputs.safetensors }")]
    public TrainingData? Data { get; init; }

    /// <summary>Number of inputs of the data.</summary>
    [Option("How many inputs of the data the model is looked at with at most. Default 256.", Min = 1, Example = "512")]
    public int? Count { get; init; }

    /// <summary>Samples of a diffusion model.</summary>
    [Option("The samples that a diffusion model draws to be looked at, at all timesteps, with and without the condition where there is guidance. 8 samples, seen 4 at once, when left out.", Example = "{ count: 16, guidance: 2.0 }")]
    public CalibrationSampleOptions? Samples { get; init; }

    /// <summary>Timesteps.</summary>
    [Option("At how many timesteps of the sampler a diffusion model is looked at, evenly spaced. Default 20; all of the sampler's steps where these are fewer.", Min = 1, Example = "25")]
    public int? Timesteps { get; init; }

    /// <summary>Random inputs.</summary>
    [Option("Random inputs instead of data, and how many of them. The model then sees noise: for trying things out.", Min = 1, Example = "64")]
    public int? Random { get; init; }

    /// <summary>Batch size.</summary>
    [Option("How many inputs of data or random ones the model sees at once, where it leaves that open; the result is the same. Default 4.", Min = 1, Example = "1")]
    public int? Batch { get; init; }

    /// <summary>How ranges are chosen.</summary>
    [Option("Schemes int8 and int16: how the range of an activation is chosen among the numbers that it had. Default percentile.", Example = "mse")]
    public CalibrationMethod? Method { get; init; }

    /// <summary>The percentile.</summary>
    [Option("Schemes int8 and int16, method percentile: the share of the numbers, in per cent, that is not clipped. Default 99.99.", Min = 50, Max = 100, Example = "99.9")]
    public double? Percentile { get; init; }

    /// <summary>The percentile of timesteps.</summary>
    [Option("Samples of a diffusion model: the share of the timesteps, in per cent, whose extremes are in the range; those of the others are clipped, so that a few steps do not make the integers coarse for all. Default 100.", Min = 1, Max = 100, Example = "90")]
    public double? StepPercentile { get; init; }
}
