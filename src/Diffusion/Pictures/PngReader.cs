using System.Buffers.Binary;
using System.IO.Compression;

namespace CompressTool.Diffusion.Pictures;

/// <summary>
/// Decodes PNG (ISO/IEC 15948) of every colour type, bit depth and interlace method. 16 bits become 8 by rounding, a palette
/// becomes RGB, transparency (tRNS) an alpha channel. Gamma and colour profiles are left alone, as most programs do.
/// </summary>
internal static class PngReader
{
    /// <summary>Deflate packs 258 bytes into 2 bits at best; whatever claims more is no picture, and no memory is spent on it.</summary>
    private const long BestRatio = 1032;

    /// <summary>Bytes at the start of a file that hold its header.</summary>
    public const int HeadLength = 33;

    /// <summary>Reads the header alone.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static PngHeader ReadHeader(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith(PngFormat.Signature))
        {
            throw new InvalidDataException(file.IsEmpty ? "it is empty" : "it does not start as one");
        }

        var rest = file[PngFormat.Signature.Length..];
        var (type, content) = NextChunk(ref rest);
        return type == PngFormat.Header ? PngHeader.Parse(content) : throw new InvalidDataException("its first chunk is not IHDR");
    }

    /// <summary>Reads a picture.</summary>
    /// <exception cref="InvalidDataException">The file is damaged; the message says where.</exception>
    public static Picture Read(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith(PngFormat.Signature))
        {
            throw new InvalidDataException(file.IsEmpty ? "it is empty" : "it does not start as one");
        }

        PngHeader? header = null;
        byte[]? palette = null, transparency = null;
        using var packed = new MemoryStream();
        for (var rest = file[PngFormat.Signature.Length..]; ;)
        {
            var (type, content) = NextChunk(ref rest);
            if (header is null != (type == PngFormat.Header))
            {
                throw new InvalidDataException(header is null ? "its first chunk is not IHDR" : "it has a second IHDR chunk");
            }

            switch (type)
            {
                case PngFormat.Header: header = PngHeader.Parse(content); break;
                case PngFormat.Palette: palette = content.ToArray(); break;
                case PngFormat.Transparency: transparency = content.ToArray(); break;
                case PngFormat.Data: packed.Write(content); break;
                case PngFormat.End: return Decode(header!, palette, transparency, packed);
                default:
                    if ((type & 0x20000000) == 0)
                    {
                        throw new InvalidDataException($"its chunk {Name(type)} is critical and not known");
                    }

                    break;
            }
        }
    }

    private static (int Type, byte[] Content) NextChunk(ref ReadOnlySpan<byte> rest)
    {
        if (rest.Length < 12 || BinaryPrimitives.ReadUInt32BigEndian(rest) is var length && length > rest.Length - 12)
        {
            throw new InvalidDataException("it ends too early");
        }

        var size = (int)BinaryPrimitives.ReadUInt32BigEndian(rest);
        var type = BinaryPrimitives.ReadInt32BigEndian(rest[4..]);
        if (PngFormat.Crc(rest.Slice(4, size + 4)) != BinaryPrimitives.ReadUInt32BigEndian(rest[(size + 8)..]))
        {
            throw new InvalidDataException($"the checksum of its chunk {Name(type)} is wrong");
        }

        var content = rest.Slice(8, size).ToArray();
        rest = rest[(size + 12)..];
        return (type, content);
    }

    private static Picture Decode(PngHeader header, byte[]? palette, byte[]? transparency, MemoryStream packed)
    {
        if (header.ColorType == 3 && (palette is null || palette.Length is 0 or > 768 || palette.Length % 3 != 0))
        {
            throw new InvalidDataException(palette is null ? "its palette is missing" : $"its palette has {palette.Length} bytes");
        }

        var total = header.Passes.Sum(pass => pass.Height * (1 + header.RowBytes(pass.Width)));
        if (total > Array.MaxLength || total > packed.Length * BestRatio)
        {
            throw new InvalidDataException($"its pixels are too few for {header.Width} x {header.Height}");
        }

        var data = Inflate(packed, (int)total);
        var pixels = new PngPixels(header, palette, transparency);
        var offset = 0;
        foreach (var pass in header.Passes)
        {
            var length = (int)header.RowBytes(pass.Width);
            var above = new byte[length].AsSpan();
            for (var y = 0; y < pass.Height; y++, offset += length + 1)
            {
                var row = data.AsSpan(offset + 1, length);
                Unfilter(data[offset], row, above, header.PixelBytes);
                pixels.Put(row, pass, y);
                above = row;
            }
        }

        return pixels.Picture;
    }

    private static byte[] Inflate(MemoryStream packed, int length)
    {
        packed.Position = 0;
        var data = GC.AllocateUninitializedArray<byte>(length);
        using var zlib = new ZLibStream(packed, CompressionMode.Decompress);

        // One byte more is asked for: so the checksum at the end is read too.
        var (count, more) = (zlib.ReadAtLeast(data, length, throwOnEndOfStream: false), 0);
        if (count == length)
        {
            more = zlib.ReadAtLeast(new byte[1], 1, throwOnEndOfStream: false);
        }

        return count == length && more == 0 ? data : throw new InvalidDataException(more > 0 ? "it has more pixels than its size says" : "its pixels end too early");
    }

    private static void Unfilter(byte filter, Span<byte> row, ReadOnlySpan<byte> above, int distance)
    {
        if (filter > 4)
        {
            throw new InvalidDataException($"a row has the filter {filter}, which does not exist");
        }

        for (var i = 0; filter > 0 && i < row.Length; i++)
        {
            var (left, corner) = i < distance ? (0, 0) : (row[i - distance], above[i - distance]);
            row[i] += (byte)(filter switch
            {
                1 => left,
                2 => above[i],
                3 => (left + above[i]) / 2,
                _ => PngFormat.Paeth(left, above[i], corner),
            });
        }
    }

    private static string Name(int type)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, type);
        var name = "";
        foreach (var value in bytes)
        {
            name += char.IsAsciiLetter((char)value) ? (char)value : '?';
        }

        return name;
    }
}
