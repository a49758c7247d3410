namespace CompressTool.Tool.CommandLine;

/// <summary>
/// Cancels when a file appears: the way to cancel a process gently that works alike on every system and needs no handle
/// on it.
/// </summary>
internal sealed class CancelFile : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _source;
    private readonly Timer? _timer;

    private CancelFile(string? path, CancellationToken cancellationToken)
    {
        _source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (path is not null)
        {
            _timer = new Timer(_ => Check(path), null, TimeSpan.Zero, s_interval);
        }
    }

    /// <summary>Cancelled by the file or by the given token.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Starts to watch.</summary>
    /// <param name="path">The file; null for none.</param>
    /// <param name="cancellationToken">Cancels as well.</param>
    public static CancelFile Watch(string? path, CancellationToken cancellationToken) => new(path, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        using (var stopped = new ManualResetEvent(false))
        {
            if (_timer?.Dispose(stopped) == true)
            {
                stopped.WaitOne();
            }
        }

        _source.Dispose();
    }

    private void Check(string path)
    {
        if (!_source.IsCancellationRequested && File.Exists(path))
        {
            _source.Cancel();
        }
    }
}
