using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;

namespace CompressTool.Diffusion.Data;

/// <summary>
/// Pictures as the bytes of a tensor [N,H,W,C], each made when it is read. As many as fit into a limit stay in memory, so
/// that small sets are decoded once and large ones need no more memory than a limit.
/// </summary>
internal sealed class PictureData : TensorData
{
    private const long MemoryLimit = 1L << 30;

    private readonly int _length;
    private readonly Func<int, Picture> _read;
    private readonly byte[]?[] _kept;
    private long _keptBytes;

    private PictureData(int count, int length, Func<int, Picture> read)
    {
        (_length, _read, _kept) = (length, read, new byte[]?[count]);
        Length = (long)count * length;
    }

    public override long Length { get; }

    /// <summary>A tensor of pictures.</summary>
    /// <param name="count">How many.</param>
    /// <param name="size">Their size.</param>
    /// <param name="channels">Their channels.</param>
    /// <param name="read">Makes a picture, of any size and channels that fit.</param>
    public static Tensor Create(int count, (int Height, int Width) size, int channels, Func<int, Picture> read) =>
        new(DataType.UInt8, [count, size.Height, size.Width, channels], new PictureData(count, size.Height * size.Width * channels, read));

    public override void Read(long offset, Span<byte> destination)
    {
        CheckRange(offset, destination.Length);
        while (!destination.IsEmpty)
        {
            var (image, start) = Math.DivRem(offset, _length);
            var count = (int)Math.Min(destination.Length, _length - start);
            Pixels((int)image).AsSpan((int)start, count).CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }

    public override TensorView View()
    {
        var bytes = new byte[Length];
        Read(0, bytes);
        return new MemoryData(bytes).View();
    }

    private byte[] Pixels(int image)
    {
        if (Volatile.Read(ref _kept[image]) is { } kept)
        {
            return kept;
        }

        var pixels = _read(image).Pixels;
        if (pixels.Length != _length)
        {
            throw new InvalidOperationException($"Picture {image} has {pixels.Length} samples, not {_length}.");
        }

        if (Interlocked.Add(ref _keptBytes, _length) <= MemoryLimit)
        {
            Volatile.Write(ref _kept[image], pixels);
        }

        return pixels;
    }
}
