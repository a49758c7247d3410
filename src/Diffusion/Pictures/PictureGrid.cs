namespace CompressTool.Diffusion.Pictures;

/// <summary>Puts pictures side by side into one.</summary>
public static class PictureGrid
{
    /// <summary>Pictures in rows, in their order; places that stay free are of the background.</summary>
    /// <param name="pictures">Pictures of one size and number of channels.</param>
    /// <param name="columns">Pictures of a row; by default the root of their number, rounded up.</param>
    /// <param name="gap">Pixels between pictures and around them.</param>
    /// <param name="background">The brightness of gaps.</param>
    /// <exception cref="ArgumentException">There are no pictures, or they differ in size or channels.</exception>
    public static Picture Assemble(IReadOnlyList<Picture> pictures, int? columns = null, int gap = 2, byte background = 255)
    {
        if (pictures.Count == 0 || pictures.Any(picture => (picture.Width, picture.Height, picture.Channels) != (pictures[0].Width, pictures[0].Height, pictures[0].Channels)))
        {
            throw new ArgumentException("A grid is made of pictures of one size and number of channels.", nameof(pictures));
        }

        var (width, height, channels) = (pictures[0].Width, pictures[0].Height, pictures[0].Channels);
        var across = columns ?? (int)Math.Ceiling(Math.Sqrt(pictures.Count));
        var down = (pictures.Count + across - 1) / across;
        var grid = new Picture(checked((across * (width + gap)) + gap), checked((down * (height + gap)) + gap), channels);
        grid.Pixels.AsSpan().Fill(background);
        for (var i = 0; i < pictures.Count; i++)
        {
            var (left, top) = (gap + (i % across * (width + gap)), gap + (i / across * (height + gap)));
            for (var y = 0; y < height; y++)
            {
                pictures[i].Row(y).CopyTo(grid.Row(top + y)[(left * channels)..]);
            }
        }

        return grid;
    }

    /// <summary>A picture whose pixels are squares of several: small ones are hard to see otherwise.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="factor">Pixels on a side of a square.</param>
    public static Picture Enlarge(this Picture picture, int factor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(factor);
        var result = new Picture(checked(picture.Width * factor), checked(picture.Height * factor), picture.Channels);
        for (var y = 0; y < result.Height; y++)
        {
            var from = picture.Row(y / factor);
            var to = result.Row(y);
            for (var x = 0; x < result.Width; x++)
            {
                from.Slice(x / factor * picture.Channels, picture.Channels).CopyTo(to[(x * picture.Channels)..]);
            }
        }

        return result;
    }
}
