namespace CompressTool.Compression.Stages;

/// <summary>Progress without the thread hop of <see cref="Progress{T}"/>, which would reorder it.</summary>
/// <param name="report">Receives the progress, on the thread that reports it.</param>
public sealed class DirectProgress<T>(Action<T> report) : IProgress<T>
{
    /// <inheritdoc/>
    public void Report(T value) => report(value);
}
