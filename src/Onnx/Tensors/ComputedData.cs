using System.Buffers;

namespace CompressTool.Onnx;

/// <summary>
/// Tensor bytes that a function computes whole whenever they are wanted, usually once, while the model is saved: a
/// transformation of a large model then holds one tensor in memory at a time.
/// </summary>
/// <param name="length">Number of bytes; at most 2 GiB.</param>
/// <param name="fill">Writes all bytes; called once per read of the whole, and must give the same bytes each time.</param>
public sealed class ComputedData(long length, ComputedData.Fill fill) : TensorData
{
    /// <summary>Computes the bytes of a tensor.</summary>
    /// <param name="destination">As long as the tensor; its content is undefined before.</param>
    public delegate void Fill(Span<byte> destination);

    /// <inheritdoc/>
    public override long Length { get; } = length <= Array.MaxLength ? length
        : throw new NotSupportedException("A computed tensor is limited to 2 GiB; use ChunkedData for element-wise work on larger ones.");

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination)
    {
        CheckRange(offset, destination.Length);
        if (destination.Length == Length)
        {
            fill(destination);
            return;
        }

        using var view = View();
        view.Slice(offset, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public override TensorView View()
    {
        var array = ArrayPool<byte>.Shared.Rent((int)Length);
        fill(array.AsSpan(0, (int)Length));
        return new MemoryView(array.AsMemory(0, (int)Length), array);
    }

    /// <inheritdoc/>
    public override void CopyTo(Stream destination, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var view = View();
        destination.Write(view.Span);
    }
}

/// <summary>
/// Tensor bytes computed chunk by chunk from another tensor, where every output element depends on the input element of the
/// same index (conversions, element-wise masks). Needs memory for one chunk, whatever the tensor's size.
/// </summary>
/// <param name="source">The input bytes.</param>
/// <param name="sourceElementSize">Bytes of an input element.</param>
/// <param name="elementSize">Bytes of an output element.</param>
/// <param name="convert">Computes the elements; must give the same bytes each time.</param>
public sealed class ChunkedData(TensorData source, int sourceElementSize, int elementSize, ChunkedData.Convert convert) : TensorData
{
    /// <summary>Converts a run of elements.</summary>
    /// <param name="firstElement">Index of the first element of the run.</param>
    /// <param name="input">The input bytes of the run.</param>
    /// <param name="output">Receives the output bytes of the run.</param>
    public delegate void Convert(long firstElement, ReadOnlySpan<byte> input, Span<byte> output);

    /// <inheritdoc/>
    public override long Length { get; } = source.Length / sourceElementSize * elementSize;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination)
    {
        CheckRange(offset, destination.Length);
        var first = offset / elementSize;
        var skip = (int)(offset % elementSize);
        if (skip != 0 || destination.Length % elementSize != 0)
        {
            // Not on element borders: compute the elements around the range.
            var last = (offset + destination.Length + elementSize - 1) / elementSize;
            var around = new byte[(last - first) * elementSize];
            Read(first * elementSize, around);
            around.AsSpan(skip, destination.Length).CopyTo(destination);
            return;
        }

        var perChunk = Math.Max(1, ChunkSize / sourceElementSize);
        var buffer = ArrayPool<byte>.Shared.Rent(perChunk * sourceElementSize);
        try
        {
            for (var done = 0; done < destination.Length;)
            {
                var count = Math.Min(perChunk, (destination.Length - done) / elementSize);
                var input = buffer.AsSpan(0, count * sourceElementSize);
                source.Read(first * sourceElementSize, input);
                convert(first, input, destination.Slice(done, count * elementSize));
                first += count;
                done += count * elementSize;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <inheritdoc/>
    public override TensorView View()
    {
        if (Length > Array.MaxLength)
        {
            throw new NotSupportedException("A computed tensor of more than 2 GiB cannot be viewed at once; read it in chunks.");
        }

        var array = ArrayPool<byte>.Shared.Rent((int)Length);
        Read(0, array.AsSpan(0, (int)Length));
        return new MemoryView(array.AsMemory(0, (int)Length), array);
    }
}
