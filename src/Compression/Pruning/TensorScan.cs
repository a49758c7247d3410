using System.Buffers;
using System.Runtime.ExceptionServices;

namespace CompressTool.Compression.Pruning;

/// <summary>Reads bytes of a tensor from an offset on; safe to call from several threads.</summary>
internal delegate void ReadBytes(long offset, Span<byte> destination);

/// <summary>Passes a tensor's bytes through workers in chunks, whatever its size, on all cores.</summary>
internal static class TensorScan
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>Looks at a chunk.</summary>
    /// <param name="worker">The worker, used by one thread at a time.</param>
    /// <param name="offset">Where the chunk starts.</param>
    /// <param name="chunk">Its bytes; may be overwritten.</param>
    public delegate void Visit<TWorker>(TWorker worker, long offset, Span<byte> chunk);

    /// <summary>How many workers are worth having.</summary>
    public static int Workers { get; } = Math.Clamp(Environment.ProcessorCount, 1, 16);

    /// <summary>Visits all chunks, in any order.</summary>
    /// <param name="length">Bytes in all.</param>
    /// <param name="block">Chunks start at multiples of this many bytes.</param>
    /// <param name="read">Reads the bytes.</param>
    /// <param name="workers">The workers; what they add up must not depend on the order.</param>
    /// <param name="visit">Looks at a chunk.</param>
    /// <param name="cancellationToken">Cancels between chunks.</param>
    public static void Run<TWorker>(long length, int block, ReadBytes read, IReadOnlyList<TWorker> workers, Visit<TWorker> visit, CancellationToken cancellationToken)
    {
        var size = Math.Max(1, ChunkBytes / block) * block;
        var chunks = (length + size - 1) / size;
        var next = -1L;
        void Work(int index)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(size);
            try
            {
                for (var chunk = Interlocked.Increment(ref next); chunk < chunks; chunk = Interlocked.Increment(ref next))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var bytes = buffer.AsSpan(0, (int)Math.Min(size, length - (chunk * size)));
                    read(chunk * size, bytes);
                    visit(workers[index], chunk * size, bytes);
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        var parallel = (int)Math.Min(workers.Count, chunks);
        if (parallel <= 1)
        {
            Work(0);
            return;
        }

        try
        {
            Parallel.For(0, parallel, new ParallelOptions { CancellationToken = cancellationToken }, Work);
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }
}
