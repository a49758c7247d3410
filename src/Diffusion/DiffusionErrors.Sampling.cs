using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion;

/// <summary>Errors of diffusion models: sampling and prompts (CMP81xx).</summary>
public static partial class DiffusionErrors
{
    /// <summary>A scheduler's configuration cannot be read.</summary>
    public static readonly ErrorCode InvalidScheduler = new("CMP8101", "A file is not the configuration of a scheduler.", "Name a diffusers scheduler_config.json; the message says what is wrong with the file.");

    /// <summary>A class, key or value of a scheduler's configuration is not supported.</summary>
    public static readonly ErrorCode UnsupportedScheduler = new("CMP8102", "A scheduler's configuration has a class, key or value that is not supported.", "The message says what is supported; another sampler can be chosen with --sampler.");

    /// <summary>A number of steps, or another setting, that a sampler cannot work with.</summary>
    public static readonly ErrorCode InvalidSampling = new("CMP8103", "A sampler cannot work with these settings.", "The message says what fits.");

    /// <summary>A model is not one that samples can be drawn from.</summary>
    public static readonly ErrorCode UnsuitableDenoiser = new("CMP8104", "A model is not one that samples can be drawn from.", "It needs an input of noisy samples, one of timesteps, and an output of the samples' shape; the message says what is missing.");

    /// <summary>A condition that a model needs is missing, or does not fit.</summary>
    public static readonly ErrorCode InvalidCondition = new("CMP8105", "A class, a prompt or another condition of a model is missing or does not fit.", "The message names the input and its shape.");

    /// <summary>A tokenizer cannot be read.</summary>
    public static readonly ErrorCode InvalidTokenizer = new("CMP8106", "A tokenizer's files cannot be used.", "Name a folder with the vocab.json and merges.txt of a CLIP tokenizer; the message says what is wrong.");
}
