using CompressTool.Diffusion.Guidance;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Sampling;

/// <summary>Which samples are drawn.</summary>
public sealed record SamplingOptions
{
    /// <summary>The number of samples.</summary>
    public required int Count { get; init; }

    /// <summary>How many samples the model sees at once at most, without the second ones of guidance. What is drawn does not depend on it, but for roundings.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>The shape of one sample, or its last dimensions; null where the model knows it.</summary>
    public IReadOnlyList<long>? Shape { get; init; }

    /// <summary>The class of each sample; null for models without classes.</summary>
    public IReadOnlyList<long>? Labels { get; init; }

    /// <summary>The class that stands for no class, for guidance.</summary>
    public long? NullLabel { get; init; }

    /// <summary>The other inputs of the model by name: for each sample, or one for all, in the first dimension; or without it, where the input has none.</summary>
    public IReadOnlyDictionary<string, NdArray> Conditions { get; init; } = new Dictionary<string, NdArray>();

    /// <summary>Those of the other inputs that are different without the condition, for guidance.</summary>
    public IReadOnlyDictionary<string, NdArray> NullConditions { get; init; } = new Dictionary<string, NdArray>();

    /// <summary>Guidance; null for none.</summary>
    public ClassifierFreeGuidance? Guidance { get; init; }

    /// <summary>Where the run starts, float32, one for each sample: what the model sees first, times the sampler's scale of noise; null to draw it.</summary>
    public NdArray? Start { get; init; }
}

/// <summary>How far a run is.</summary>
/// <param name="Done">Runs of the model done.</param>
/// <param name="Total">All runs of the model.</param>
public readonly record struct SamplingProgress(long Done, long Total);
