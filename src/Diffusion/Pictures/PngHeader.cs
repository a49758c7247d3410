using System.Buffers.Binary;

namespace CompressTool.Diffusion.Pictures;

/// <summary>A pass over the picture: all of it, or one of the seven reduced pictures of Adam7.</summary>
internal readonly record struct PngPass(int X, int Y, int StepX, int StepY, int Width, int Height);

/// <summary>The header of a PNG file.</summary>
internal sealed record PngHeader(int Width, int Height, int Depth, int ColorType, bool Interlaced)
{
    /// <summary>First column and row, and steps, of the passes of Adam7.</summary>
    private static readonly (int X, int Y, int StepX, int StepY)[] s_adam7 =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    /// <summary>Samples of a pixel as stored: a palette's index is one.</summary>
    public int Samples => ColorType switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };

    /// <summary>The distance, in bytes, that filters look to the left.</summary>
    public int PixelBytes => Math.Max(1, Samples * Depth / 8);

    /// <summary>The passes that have pixels.</summary>
    public IEnumerable<PngPass> Passes =>
        (Interlaced ? s_adam7 : [(0, 0, 1, 1)])
            .Select(pass => new PngPass(pass.X, pass.Y, pass.StepX, pass.StepY, Count(Width, pass.X, pass.StepX), Count(Height, pass.Y, pass.StepY)))
            .Where(pass => pass.Width > 0 && pass.Height > 0);

    /// <summary>Bytes of a row, without its filter.</summary>
    public long RowBytes(int width) => (((long)width * Samples * Depth) + 7) / 8;

    /// <summary>Reads the header.</summary>
    /// <exception cref="InvalidDataException">It says what the format does not allow.</exception>
    public static PngHeader Parse(ReadOnlySpan<byte> content)
    {
        if (content.Length != 13)
        {
            throw new InvalidDataException($"its header has {content.Length} bytes, not 13");
        }

        var (width, height) = (BinaryPrimitives.ReadInt32BigEndian(content), BinaryPrimitives.ReadInt32BigEndian(content[4..]));
        var (depth, color) = (content[8], content[9]);
        var known = (color, depth) is (0, 1 or 2 or 4 or 8 or 16) or (2 or 4 or 6, 8 or 16) or (3, 1 or 2 or 4 or 8);
        return width <= 0 || height <= 0 || (long)width * height > Array.MaxLength / 4 ? throw new InvalidDataException($"its size is {width} x {height}")
            : !known ? throw new InvalidDataException($"its colour type is {color} with {depth} bits, which the format does not have")
            : content[10] != 0 || content[11] != 0 || content[12] > 1 ? throw new InvalidDataException("its header names a method that the format does not have")
            : new PngHeader(width, height, depth, color, content[12] == 1);
    }

    private static int Count(int size, int first, int step) => (size - first + step - 1) / step;
}
