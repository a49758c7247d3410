using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace CompressTool.Onnx.Serialization;

/// <summary>
/// SHA-256 on a thread of its own. It is slower than everything else that happens to weights on their way into a file; beside
/// that it costs no time.
/// </summary>
internal sealed class BackgroundHash : IDisposable
{
    /// <summary>How many chunks may wait, so that neither side stops for every one of the other's.</summary>
    private const int Waiting = 8;

    private readonly BlockingCollection<(byte[] Buffer, int Length)> _queue = new(Waiting);
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Task _worker;

    public BackgroundHash() => _worker = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Adds bytes; they are copied.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var part = bytes[..Math.Min(bytes.Length, TensorData.ChunkSize)];
            var buffer = ArrayPool<byte>.Shared.Rent(part.Length);
            part.CopyTo(buffer);
            _queue.Add((buffer, part.Length));
            bytes = bytes[part.Length..];
        }
    }

    /// <summary>The hash of all bytes, lower-case hexadecimal; nothing can be added any more.</summary>
    public string Complete()
    {
        _queue.CompleteAdding();
        _worker.Wait();
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.CompleteAdding();
        _worker.Wait();
        _queue.Dispose();
        _hash.Dispose();
    }

    private void Work()
    {
        foreach (var (buffer, length) in _queue.GetConsumingEnumerable())
        {
            _hash.AppendData(buffer, 0, length);
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
