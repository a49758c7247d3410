using System.Buffers.Binary;
using System.IO.Compression;

namespace CompressTool.Diffusion.Pictures;

/// <summary>
/// Encodes PNG: 8 bits a sample, no interlace, nothing but the pixels in it. The same picture gives the same bytes with the
/// same .NET on the same kind of processor; the pixels are the same everywhere (how well zlib packs is its own affair).
/// </summary>
internal static class PngWriter
{
    /// <summary>Colour types of the format by channels - 1.</summary>
    private static ReadOnlySpan<byte> ColorTypes => [0, 4, 2, 6];

    public static byte[] Encode(Picture picture)
    {
        using var stream = new MemoryStream();
        stream.Write(PngFormat.Signature);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, picture.Width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], picture.Height);
        header[8] = 8;
        header[9] = ColorTypes[picture.Channels - 1];
        header[10..].Clear();
        WriteChunk(stream, PngFormat.Header, header);
        WriteChunk(stream, PngFormat.Data, Compress(picture));
        WriteChunk(stream, PngFormat.End, []);
        return stream.ToArray();
    }

    private static void WriteChunk(Stream stream, int type, ReadOnlySpan<byte> content)
    {
        var chunk = new byte[content.Length + 12];
        BinaryPrimitives.WriteInt32BigEndian(chunk, content.Length);
        BinaryPrimitives.WriteInt32BigEndian(chunk.AsSpan(4), type);
        content.CopyTo(chunk.AsSpan(8));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(content.Length + 8), PngFormat.Crc(chunk.AsSpan(4, content.Length + 4)));
        stream.Write(chunk);
    }

    private static byte[] Compress(Picture picture)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            var length = picture.Width * picture.Channels;
            ReadOnlySpan<byte> above = new byte[length];
            var (best, candidate) = (new byte[length + 1], new byte[length + 1]);
            for (var y = 0; y < picture.Height; y++)
            {
                var row = picture.Row(y);
                var least = long.MaxValue;
                for (byte filter = 0; filter <= 4; filter++)
                {
                    var size = Filter(filter, row, above, picture.Channels, candidate);
                    if (size < least)
                    {
                        least = size;
                        (best, candidate) = (candidate, best);
                    }
                }

                zlib.Write(best);
                above = row;
            }
        }

        return packed.ToArray();
    }

    /// <summary>Filters a row, and says how large its bytes are as signed numbers: the filter with the least sum is usually packed best.</summary>
    private static long Filter(byte filter, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, int channels, Span<byte> result)
    {
        long sum = 0;
        result[0] = filter;
        for (var i = 0; i < row.Length; i++)
        {
            var (left, corner) = i < channels ? (0, 0) : (row[i - channels], above[i - channels]);
            var predicted = filter switch
            {
                1 => left,
                2 => above[i],
                3 => (left + above[i]) / 2,
                4 => PngFormat.Paeth(left, above[i], corner),
                _ => 0,
            };
            var value = result[i + 1] = (byte)(row[i] - predicted);
            sum += Math.Abs((int)(sbyte)value);
        }

        return sum;
    }
}
