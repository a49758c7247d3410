using System.Buffers;

namespace CompressTool.Onnx;

/// <summary>
/// The bytes of a tensor, little-endian and packed as in <c>raw_data</c>, wherever they are: in a file, in memory, or
/// still to be computed. Reading never changes them.
/// </summary>
public abstract class TensorData
{
    /// <summary>Buffer size for streaming; large enough to amortise system calls, small enough to stay in the cache.</summary>
    internal const int ChunkSize = 1 << 20;

    /// <summary>Number of bytes.</summary>
    public abstract long Length { get; }

    /// <summary>How many bytes <see cref="CopyTo"/> reads at a time.</summary>
    protected virtual int CopySize => ChunkSize;

    /// <summary>Copies bytes from <paramref name="offset"/> on into <paramref name="destination"/>, which they fill.</summary>
    /// <exception cref="Diagnostics.CompressToolException">The file cannot be read any more, or is shorter than it was.</exception>
    public abstract void Read(long offset, Span<byte> destination);

    /// <summary>
    /// The bytes as one block of memory, valid until the view is disposed: mapped for files, in place for memory,
    /// computed into memory of its own otherwise.
    /// </summary>
    /// <exception cref="Diagnostics.CompressToolException">The file cannot be read any more.</exception>
    public abstract TensorView View();

    /// <summary>Writes all bytes to a stream without holding more than a chunk of them.</summary>
    public virtual void CopyTo(Stream destination, CancellationToken cancellationToken = default)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(CopySize, Length));
        try
        {
            for (long offset = 0; offset < Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var chunk = buffer.AsSpan(0, (int)Math.Min(CopySize, Length - offset));
                Read(offset, chunk);
                destination.Write(chunk);
                offset += chunk.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>All bytes, copied into managed memory.</summary>
    /// <exception cref="OverflowException">More than 2 GiB.</exception>
    internal MemoryData ToMemory()
    {
        var bytes = GC.AllocateUninitializedArray<byte>(checked((int)Length));
        Read(0, bytes);
        return new MemoryData(bytes);
    }

    /// <summary>Throws when a requested range lies outside the data.</summary>
    protected void CheckRange(long offset, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
    }
}

/// <summary>A block of readable memory that belongs to a tensor until disposed.</summary>
public abstract class TensorView : IDisposable
{
    /// <summary>Number of bytes.</summary>
    public abstract long Length { get; }

    /// <summary>The bytes.</summary>
    /// <exception cref="OverflowException">The block is larger than 2 GiB; use <see cref="Slice"/>.</exception>
    public ReadOnlySpan<byte> Span => Slice(0, checked((int)Length));

    /// <summary>A part of the bytes.</summary>
    public abstract ReadOnlySpan<byte> Slice(long offset, int count);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the memory.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>Tensor bytes in managed memory.</summary>
/// <param name="memory">The bytes; not copied.</param>
public sealed class MemoryData(ReadOnlyMemory<byte> memory) : TensorData
{
    /// <summary>The bytes.</summary>
    public ReadOnlyMemory<byte> Memory { get; } = memory;

    /// <inheritdoc/>
    public override long Length => Memory.Length;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination)
    {
        CheckRange(offset, destination.Length);
        Memory.Span.Slice((int)offset, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public override TensorView View() => new MemoryView(Memory);

    /// <inheritdoc/>
    public override void CopyTo(Stream destination, CancellationToken cancellationToken = default) => destination.Write(Memory.Span);
}

/// <summary>A view of managed memory.</summary>
internal sealed class MemoryView(ReadOnlyMemory<byte> memory) : TensorView
{
    public override long Length => memory.Length;

    public override ReadOnlySpan<byte> Slice(long offset, int count) => memory.Span.Slice(checked((int)offset), count);
}
