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
}
