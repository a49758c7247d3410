using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>Images as sequences of patches.</summary>
internal static class Patches
{
    /// <summary>Each patch of an image mapped to a vector, with its position added.</summary>
    /// <param name="m">The place of proj.</param>
    /// <param name="x">The image, [batch, channels, height, width].</param>
    /// <param name="channels">Numbers of a vector.</param>
    /// <param name="size">Height and width of a patch.</param>
    /// <param name="positions">The positions, [1, patches, channels].</param>
    public static Expr PatchEmbedding(this Module m, Expr x, long channels, int size, Expr positions)
    {
        using var scope = m.Enter();
        return Attention.ToSequence(m["proj"].Conv2d(x, channels, size, stride: size, padding: 0)) + positions;
    }

    /// <summary>The image that patches make: row by row, of each patch row by row, channels last.</summary>
    /// <param name="x">The patches, [batch, rows * columns, size * size * channels].</param>
    /// <param name="rows">Patches from top to bottom.</param>
    /// <param name="columns">Patches from left to right.</param>
    /// <param name="size">Height and width of a patch.</param>
    /// <param name="channels">Channels of the image.</param>
    public static Expr Join(Expr x, int rows, int columns, int size, int channels) =>
        x.View(0, rows, columns, size, size, channels).Transpose(0, 5, 1, 3, 2, 4).View(0, channels, rows * size, columns * size);
}

/// <summary>Positions as sines and cosines.</summary>
internal static class Positions
{
    /// <summary>Positions in a grid (diffusers' sincos embedding): one half of the numbers for the column, the other for the row.</summary>
    /// <param name="channels">Numbers for each position, a multiple of 4.</param>
    /// <param name="rows">Positions from top to bottom.</param>
    /// <param name="columns">Positions from left to right.</param>
    /// <param name="unit">Positions that count as 1 in the frequencies times the base size of the grid: rows are divided by rows / unit.</param>
    /// <returns>[1, rows * columns, channels], row by row.</returns>
    public static Tensor Grid(int channels, int rows, int columns, double unit)
    {
        var numbers = new float[rows * columns * channels];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var place = numbers.AsSpan(((row * columns) + column) * channels, channels);
                Fill(place[..(channels / 2)], Scaled(column, columns, unit));
                Fill(place[(channels / 2)..], Scaled(row, rows, unit));
            }
        }

        return Tensor.Floats([1, rows * columns, channels], numbers);
    }

    /// <summary>In float32, as diffusers has it.</summary>
    private static float Scaled(int position, int count, double unit) => (float)(position / (count / unit));

    private static void Fill(Span<float> numbers, float position)
    {
        var half = numbers.Length / 2;
        for (var i = 0; i < half; i++)
        {
            var angle = position / Math.Pow(10000, (double)i / half);
            (numbers[i], numbers[half + i]) = ((float)Math.Sin(angle), (float)Math.Cos(angle));
        }
    }
}
