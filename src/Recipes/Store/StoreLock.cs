using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Store;

/// <summary>
/// An exclusive lock between processes: a file opened without sharing. The operating system lets go of it when the
/// process ends, however it ends, so a killed build leaves nothing locked.
/// </summary>
public sealed class StoreLock : IDisposable
{
    private readonly FileStream _file;

    private StoreLock(FileStream file) => _file = file;

    /// <summary>Waits for the lock.</summary>
    /// <param name="path">The lock file; it stays behind, empty.</param>
    /// <param name="waiting">Called once when another process has held the lock for two seconds.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="CompressToolException">The lock file cannot be made.</exception>
    public static StoreLock Acquire(string path, Action? waiting, CancellationToken cancellationToken)
    {
        var started = Environment.TickCount64;
        var delay = 10;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryAcquire(path) is { } acquired)
            {
                return acquired;
            }

            if (waiting is not null && Environment.TickCount64 - started > 2000)
            {
                waiting();
                waiting = null;
            }

            cancellationToken.WaitHandle.WaitOne(delay);
            delay = Math.Min(delay * 2, 200);
        }
    }

    /// <summary>Takes the lock when it is free; null otherwise.</summary>
    /// <exception cref="CompressToolException">The lock file cannot be made.</exception>
    public static StoreLock? TryAcquire(string path)
    {
        try
        {
            return new StoreLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
        }
        catch (Exception e) when (e is UnauthorizedAccessException or DirectoryNotFoundException)
        {
            throw new CompressToolException(StoreErrors.FolderUnusable, $"the lock file '{path}' cannot be made: {e.Message}", inner: e);
        }
        catch (IOException e) when (DiskErrors.IsFull(e))
        {
            throw DiskErrors.Full(path, e);
        }
        catch (IOException)
        {
            // Held by another process.
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
