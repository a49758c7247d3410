using System.Buffers;

namespace CompressTool.Onnx;

/// <summary>
/// Tensor bytes computed chunk by chunk from another tensor, where every output element depends on the input element of the
/// same index (conversions, element-wise masks). Needs memory for one chunk, whatever the tensor's size.
/// </summary>
/// <param name="source">The input bytes.</param>
/// <param name="sourceElementSize">Bytes of an input element, which may be a block of several.</param>
/// <param name="elementSize">Bytes of an output element.</param>
/// <param name="convert">Computes the elements; must give the same bytes each time.</param>
public sealed class ChunkedData(TensorData source, int sourceElementSize, int elementSize, ChunkedData.Convert convert) : TensorData
{
    /// <summary>Converts a run of elements.</summary>
    /// <param name="firstElement">Index of the first element of the run.</param>
    /// <param name="input">The input bytes of the run.</param>
    /// <param name="output">Receives the output bytes of the run; its content is undefined before.</param>
    public delegate void Convert(long firstElement, ReadOnlySpan<byte> input, Span<byte> output);

    /// <inheritdoc/>
    public override long Length { get; } = source.Length % sourceElementSize == 0 ? source.Length / sourceElementSize * elementSize
        : throw new ArgumentException($"{source.Length} bytes are no whole number of elements of {sourceElementSize} bytes.", nameof(source));

    /// <inheritdoc/>
    protected override int CopySize => Math.Max(1, ChunkSize / elementSize) * elementSize;

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
        var view = new NativeView(Length);
        try
        {
            for (long offset = 0; offset < Length; offset += CopySize)
            {
                var count = (int)Math.Min(CopySize, Length - offset);
                Read(offset, view.Writable(offset, count));
            }

            return view;
        }
        catch
        {
            view.Dispose();
            throw;
        }
    }
}
