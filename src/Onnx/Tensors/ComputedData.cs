namespace CompressTool.Onnx;

/// <summary>
/// Tensor bytes that a function computes whole whenever they are wanted, usually once, while the model is saved: a
/// transformation of a large model then holds one tensor in memory at a time. Reading a part computes the whole too.
/// </summary>
/// <param name="length">Number of bytes; at most 2 GiB.</param>
/// <param name="fill">Writes all bytes; must give the same bytes each time.</param>
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
        var view = new NativeView(Length);
        try
        {
            fill(view.Writable(0, (int)Length));
            return view;
        }
        catch
        {
            view.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void CopyTo(Stream destination, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var view = View();
        for (long offset = 0; offset < Length; offset += ChunkSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            destination.Write(view.Slice(offset, (int)Math.Min(ChunkSize, Length - offset)));
        }
    }
}
