using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Serialization;

namespace CompressTool.Diffusion.Pictures;

/// <summary>Reads and writes files of pictures: PNG.</summary>
public static class PictureFile
{
    /// <summary>The starts of files that people take for PNG, or would like to use.</summary>
    private static readonly (string Name, byte[] Start, int Offset)[] s_others =
    [
        ("JPEG", [0xFF, 0xD8, 0xFF], 0),
        ("GIF", "GIF8"u8.ToArray(), 0),
        ("WebP", "WEBP"u8.ToArray(), 8),
        ("BMP", "BM"u8.ToArray(), 0),
        ("TIFF", [(byte)'I', (byte)'I', 42, 0], 0),
        ("TIFF", [(byte)'M', (byte)'M', 0, 42], 0),
        ("AVIF or HEIF", "ftyp"u8.ToArray(), 4),
        ("NumPy array", [0x93, (byte)'N', (byte)'U', (byte)'M'], 0),
        ("Git LFS pointer", "version https://git-lfs"u8.ToArray(), 0),
    ];

    /// <summary>Reads a picture.</summary>
    /// <param name="path">A PNG file.</param>
    /// <exception cref="CompressToolException">The file is missing, damaged (<see cref="DiffusionErrors.InvalidPicture"/>) or of another
    /// format (<see cref="DiffusionErrors.UnsupportedPicture"/>).</exception>
    public static Picture Read(string path)
    {
        using var file = MappedFile.Open(path);
        var bytes = GC.AllocateUninitializedArray<byte>(checked((int)Math.Min(file.Length, Array.MaxLength)));
        file.Read(0, bytes);
        return Decode(bytes, file.Path);
    }

    /// <summary>Width, height and channels of a picture, from the start of its file alone. A palette counts as 3 channels, alpha is left out.</summary>
    /// <param name="path">A PNG file.</param>
    /// <exception cref="CompressToolException">See <see cref="Read"/>.</exception>
    public static (int Width, int Height, int Channels) ReadSize(string path)
    {
        using var file = MappedFile.Open(path);
        var bytes = new byte[(int)Math.Min(file.Length, PngReader.HeadLength)];
        file.Read(0, bytes);
        var header = Check(bytes, file.Path, PngReader.ReadHeader);
        return (header.Width, header.Height, header.ColorType is 0 or 4 ? 1 : 3);
    }

    /// <summary>Decodes a picture.</summary>
    /// <param name="bytes">The content of a PNG file.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="CompressToolException">See <see cref="Read"/>.</exception>
    public static Picture Decode(ReadOnlySpan<byte> bytes, string name) => Check(bytes, name, PngReader.Read);

    /// <summary>A picture as the content of a PNG file.</summary>
    /// <param name="picture">The picture.</param>
    public static byte[] Encode(Picture picture) => PngWriter.Encode(picture);

    /// <summary>Writes a picture as PNG; the file appears complete or not at all.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="picture">The picture.</param>
    /// <exception cref="CompressToolException">The file cannot be written.</exception>
    public static SavedFile Write(string path, Picture picture)
    {
        var bytes = PngWriter.Encode(picture);
        using var files = new AtomicFiles();
        var saved = files.Write(Path.GetFullPath(path), bytes.Length, stream => stream.Write(bytes));
        files.Commit();
        return saved;
    }

    private static T Check<T>(ReadOnlySpan<byte> bytes, string name, Func<ReadOnlySpan<byte>, T> read)
    {
        foreach (var (format, start, offset) in s_others)
        {
            if (bytes.Length >= offset + start.Length && bytes[offset..].StartsWith(start))
            {
                throw new CompressToolException(DiffusionErrors.UnsupportedPicture,
                    $"'{name}' is a {format} file, and only PNG is read; convert it, e.g. with ImageMagick: magick mogrify -format png *{Path.GetExtension(name)}");
            }
        }

        try
        {
            return read(bytes);
        }
        catch (InvalidDataException e)
        {
            throw new CompressToolException(DiffusionErrors.InvalidPicture, $"'{name}' is not a valid PNG file: {e.Message}", inner: e);
        }
    }
}
