using System.Buffers;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning;

/// <summary>
/// A tensor's bytes with some of its elements set to zero while they are read. Holds no weights: a model of any size is
/// pruned while it streams from one file to the other.
/// </summary>
/// <param name="source">The bytes before.</param>
/// <param name="block">Bytes of a block: what <paramref name="mask"/> does to one block does not depend on the others.</param>
/// <param name="mask">Sets elements of whole blocks to zero, in place; the offset says where in the tensor they start.</param>
internal sealed class MaskedData(TensorData source, int block, MaskedData.Mask mask) : TensorData
{
    private const int CopyBytes = 1 << 20;

    public delegate void Mask(long offset, Span<byte> blocks);

    public override long Length => source.Length;

    public override void Read(long offset, Span<byte> destination)
    {
        CheckRange(offset, destination.Length);
        var skip = (int)(offset % block);
        var whole = (destination.Length + skip + block - 1) / block * block;
        if (skip == 0 && whole == destination.Length)
        {
            source.Read(offset, destination);
            mask(offset, destination);
            return;
        }

        var around = ArrayPool<byte>.Shared.Rent(whole);
        try
        {
            Read(offset - skip, around.AsSpan(0, whole));
            around.AsSpan(skip, destination.Length).CopyTo(destination);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(around);
        }
    }

    public override TensorView View()
    {
        if (Length > Array.MaxLength)
        {
            throw new NotSupportedException("A computed tensor of more than 2 GiB cannot be viewed at once; read it in chunks.");
        }

        var bytes = GC.AllocateUninitializedArray<byte>((int)Length);
        Read(0, bytes);
        return new MemoryData(bytes).View();
    }

    public override void CopyTo(Stream destination, CancellationToken cancellationToken = default)
    {
        // Chunks of whole blocks: nothing is computed twice.
        var size = Math.Max(1, CopyBytes / block) * block;
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            for (long offset = 0; offset < Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var chunk = buffer.AsSpan(0, (int)Math.Min(size, Length - offset));
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
}
