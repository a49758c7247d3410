using System.Security.Cryptography;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Stages;

/// <summary>What a running stage may use besides its model and options.</summary>
public sealed class StageContext
{
    /// <summary>Cancels the stage; checked at least every second of work.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>The recipe's seed. Every random choice of a stage derives from it.</summary>
    public long Seed { get; init; }

    /// <summary>Full path of the recipe's input model, e.g. to learn from; null when there is none.</summary>
    public string? SourcePath { get; init; }

    /// <summary>A folder in which a stage may keep what lets it go on after it was cut off; it goes when the stage is done. Null when there is none.</summary>
    public string? WorkFolder { get; init; }

    /// <summary>Gives the SHA-256 of a file, lower-case hexadecimal; a caller that has hashed files already may remember.</summary>
    public Func<string, string> HashOf { get; init; } = Hash;

    /// <summary>Gives the folder of a shared artifact, which is made if nobody has made it. Null when nothing can be kept.</summary>
    public Func<SharedArtifact, string>? Share { get; init; }

    /// <summary>Receives progress: the share done, 0 to 1, and what is being done.</summary>
    public IProgress<StageProgress>? Progress { get; init; }

    /// <summary>Receives warnings for the user: code, message, path of the option it is about (or null). They are stored with the artifact and shown again on a cache hit.</summary>
    public Action<ErrorCode, string, string?>? Warn { get; init; }

    /// <summary>Reports a warning.</summary>
    public void AddWarning(ErrorCode code, string message, string? optionPath = null) => Warn?.Invoke(code, message, optionPath);

    /// <summary>Reports progress and throws when cancelled.</summary>
    public void Report(double fraction, string activity)
    {
        CancellationToken.ThrowIfCancellationRequested();
        Progress?.Report(new StageProgress(fraction, activity));
    }

    /// <summary>The same for a part of the stage, whose progress is a share of the stage's.</summary>
    /// <param name="from">Where the part begins, 0 to 1.</param>
    /// <param name="to">Where it ends.</param>
    internal StageContext Part(double from, double to) => new()
    {
        CancellationToken = CancellationToken,
        Seed = Seed,
        SourcePath = SourcePath,
        WorkFolder = WorkFolder,
        HashOf = HashOf,
        Share = Share,
        Warn = Warn,
        Progress = Progress is { } progress ? new DirectProgress<StageProgress>(part => progress.Report(part with { Fraction = from + ((to - from) * part.Fraction) })) : null,
    };

    private static string Hash(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}

/// <summary>Progress of a stage.</summary>
/// <param name="Fraction">The share done, 0 to 1.</param>
/// <param name="Activity">What is being done, e.g. the layer's name.</param>
public readonly record struct StageProgress(double Fraction, string Activity);
