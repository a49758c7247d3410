using System.Text.Json.Nodes;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation;

/// <summary>What a gate may look at.</summary>
public sealed class GateContext
{
    private readonly Dictionary<string, OutputComparison> _comparisons = [];

    /// <summary>Full path of the model that the recipe started from.</summary>
    public required string OriginalPath { get; init; }

    /// <summary>Full path of the finished model.</summary>
    public required string FinalPath { get; init; }

    /// <summary>
    /// Full path of the file that holds each given input, by input name: a .npy file, or a .safetensors file that holds a
    /// tensor of that name; null when inputs are drawn at random from the seed.
    /// </summary>
    public IReadOnlyDictionary<string, string>? InputFiles { get; init; }

    /// <summary>The figures of the recipe's last stage when it is <c>evaluate</c>; null otherwise.</summary>
    public JsonObject? Evaluation { get; init; }

    /// <summary>Runs models.</summary>
    public required IEngine Engine { get; init; }

    /// <summary>The recipe's seed. Every random choice of a gate derives from it.</summary>
    public long Seed { get; init; }

    /// <summary>Cancels the gate; checked at least every second of work.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>How far the finished model's outputs are from the original's; both are run once for the same inputs, however many gates ask.</summary>
    internal OutputComparison CompareOutputs(InputOptions options)
    {
        var key = string.Join(';', options.Dims.Select(dim => $"{dim.Key}={dim.Value}").Order(StringComparer.Ordinal).Prepend($"{options.Samples};{options.Batch}"));
        if (!_comparisons.TryGetValue(key, out var comparison))
        {
            _comparisons.Add(key, comparison = OutputComparison.Run(OriginalPath, FinalPath, Engine, InputFiles, options, Seed, CancellationToken));
        }

        return comparison;
    }
}
