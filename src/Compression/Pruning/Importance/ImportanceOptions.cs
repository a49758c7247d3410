using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>What criteria that look at gradients or activations are computed on.</summary>
public sealed record ImportanceOptions
{
    /// <summary>The data.</summary>
    [Option("What the model is looked at with: images, to which the noise schedule adds noise, or tensors (not for diff-pruning). That of finetune when left out.", Example = "{ images: images.npy }")]
    public TrainingData? Data { get; init; }

    /// <summary>Batch size.</summary>
    [Option("Samples of a batch. For a model of fixed batch a multiple of it. Diff-Pruning looks at one batch, and stops too early when it is small.", Min = 1, Example = "64")]
    public int Batch { get; init; } = 64;

    /// <summary>Samples computed at once.</summary>
    [Option("Samples computed at once: less memory, the same result up to rounding. The whole batch when left out. For fisher it is one sample, whose gradient is squared, or what a model of fixed batch takes.", Min = 1)]
    public int? MicroBatch { get; init; }

    /// <summary>Number of batches.</summary>
    [Option("Number of batches, each with other samples, timesteps and noise, for criteria that do not go through timesteps. Default 4.", Min = 1, Example = "8")]
    public int? Batches { get; init; }

    /// <summary>Timesteps.</summary>
    [Option("Number of timesteps, evenly spaced from 0, that diff-pruning goes through with one batch and one noise; all of the noise schedule when left out, as published. The taylor criteria do the same, to the last timestep, where this is given.", Min = 1, Example = "100")]
    public int? Timesteps { get; init; }

    /// <summary>Threshold.</summary>
    [Option("Diff-pruning stops at the first timestep whose loss is below this share of the largest; 0 stops never. Published are 0.05 for CIFAR-10, 0 for CelebA and 0.01 for LSUN. Default 0.05.", Min = 0, Max = 1, Example = "0.01")]
    public double? Threshold { get; init; }

    /// <summary>Gradient checkpointing.</summary>
    [Option("Segments of the model whose inner values are computed a second time instead of being kept: less memory for about a third more time. 1, the default, keeps all, 0 chooses.", Min = 0, Example = "4")]
    public int? Segments { get; init; }

    /// <summary>Noise.</summary>
    [Option("How images become noisy samples of a diffusion model, and what the model predicts. That of finetune when left out with data.")]
    public NoiseOptions Noise { get; init; } = new();

    /// <summary><see cref="Batches"/>, or how many there are when the recipe does not say.</summary>
    internal int BatchCount => Batches ?? 4;
}
