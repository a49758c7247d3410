using CompressTool.Compression.Options;
using CompressTool.Compression.Stages;
using CompressTool.Diffusion.Samplers;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Sampling;

/// <summary>Samples of a diffusion model.</summary>
public record SampleOptions
{
    /// <summary>Number of samples.</summary>
    [Option("How many samples.", Min = 1, Example = "2048")]
    public int Count { get; init; } = 1024;

    /// <summary>Sampler.</summary>
    [Option("The sampler, by the names of 'dotnet compress sample'.", Example = "dpm++2m")]
    public string Sampler { get; init; } = "ddim";

    /// <summary>Steps.</summary>
    [Option("Steps of the sampler; as many as are usual for it when left out.", Min = 1, Example = "50")]
    public int? Steps { get; init; }

    /// <summary>Guidance.</summary>
    [Option("Scale of classifier-free guidance towards the classes; 1 for none.", Min = 0, Example = "2.0")]
    public double Guidance { get; init; } = 1;

    /// <summary>Seed.</summary>
    [Option("What the noise depends on.", Min = 0)]
    public long Seed { get; init; }

    /// <summary>Reports a sampler that does not exist.</summary>
    /// <param name="path">Where the options are, with a dot at the end.</param>
    /// <param name="errors">Receives the error.</param>
    internal void Check(string path, OptionErrors errors)
    {
        if (SamplerPresets.All.All(preset => preset.Name != Sampler))
        {
            errors.Add(path + "sampler", $"there is no sampler '{Sampler}'{NearestName.Hint(Sampler, [.. SamplerPresets.All.Select(preset => preset.Name)])}");
        }
    }
}
