namespace CompressTool.Onnx;

/// <summary>How a model is loaded.</summary>
public sealed record LoadOptions
{
    /// <summary>
    /// When weight files are missing: false (default) is an error; true loads the model all the same, its tensors cannot be
    /// read then. Enough to look at structure and cost.
    /// </summary>
    public bool AllowMissingWeights { get; init; }
}

/// <summary>Where the bytes of weights go.</summary>
public enum ExternalDataMode
{
    /// <summary>Into the model file, or beside it when the model would be larger than <see cref="SaveOptions.EmbedLimit"/>.</summary>
    Auto,
    /// <summary>Into the model file.</summary>
    Never,
    /// <summary>Into one file beside the model.</summary>
    Always,
}

/// <summary>How a model is saved.</summary>
public sealed record SaveOptions
{
    /// <summary>Where the bytes of weights go.</summary>
    public ExternalDataMode ExternalData { get; init; } = ExternalDataMode.Auto;

    /// <summary>Largest sum of weights, in bytes, that <see cref="ExternalDataMode.Auto"/> puts into the model file. The format ends at 2 GiB.</summary>
    public long EmbedLimit { get; init; } = 1L << 30;

    /// <summary>Receives the share of bytes written, 0 to 1.</summary>
    public IProgress<double>? Progress { get; init; }
}

/// <summary>A file that was written.</summary>
/// <param name="Path">Full path.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Sha256">SHA-256 of the content, lower-case hexadecimal.</param>
public sealed record SavedFile(string Path, long Length, string Sha256);
