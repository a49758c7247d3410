namespace CompressTool.Diffusion.Pictures;

/// <summary>The kernel that pixels are weighed with when a picture changes its size.</summary>
public enum ResizeFilter
{
    /// <summary>The mean of the pixels that a new pixel covers (box).</summary>
    Area,

    /// <summary>A triangle one pixel to either side.</summary>
    Bilinear,

    /// <summary>The cubic of Keys 1981 with a = -0.5, two pixels to either side.</summary>
    Bicubic,
}

/// <summary>
/// Changes the size of pictures. Definition: the centre of a new pixel i is at (i + 0.5) * old / new - 0.5; the kernel is
/// stretched by old / new when the picture becomes smaller (antialiasing), cut at the edges and normalised; columns first, then
/// rows, in double precision, limited to 0 to 255 after each, rounded once (half up). This is Pillow's resize but for its
/// second rounding, which makes at most one level of difference.
/// </summary>
public static class PictureResize
{
    /// <summary>A picture of another size.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="width">The new width, in pixels.</param>
    /// <param name="height">The new height, in pixels.</param>
    /// <param name="filter">The kernel.</param>
    public static Picture Resize(this Picture picture, int width, int height, ResizeFilter filter = ResizeFilter.Bicubic)
    {
        if ((width, height) == (picture.Width, picture.Height))
        {
            return picture;
        }

        var result = new Picture(width, height, picture.Channels);
        var values = Scale(picture, width, height, filter);
        for (var i = 0; i < values.Length; i++)
        {
            result.Pixels[i] = (byte)Math.Floor(values[i] + 0.5);
        }

        return result;
    }

    /// <summary>The samples of the picture in another size, 0 to 255, before they are rounded.</summary>
    internal static double[] Scale(Picture picture, int width, int height, ResizeFilter filter)
    {
        var channels = picture.Channels;
        var columns = Weights(picture.Width, width, filter);
        var rows = Weights(picture.Height, height, filter);
        var narrow = new double[picture.Height * width * channels];
        for (var y = 0; y < picture.Height; y++)
        {
            var row = picture.Row(y);
            for (var x = 0; x < width; x++)
            {
                var (first, weights) = columns[x];
                for (var channel = 0; channel < channels; channel++)
                {
                    var sum = 0.0;
                    for (var i = 0; i < weights.Length; i++)
                    {
                        sum += weights[i] * row[((first + i) * channels) + channel];
                    }

                    narrow[(((y * width) + x) * channels) + channel] = Math.Clamp(sum, 0, 255);
                }
            }
        }

        var length = width * channels;
        var result = new double[height * length];
        for (var y = 0; y < height; y++)
        {
            var (first, weights) = rows[y];
            for (var x = 0; x < length; x++)
            {
                var sum = 0.0;
                for (var i = 0; i < weights.Length; i++)
                {
                    sum += weights[i] * narrow[((first + i) * length) + x];
                }

                result[(y * length) + x] = Math.Clamp(sum, 0, 255);
            }
        }

        return result;
    }

    /// <summary>
    /// The largest middle part of a picture that has the proportions of a size, in that size.
    /// </summary>
    /// <param name="picture">The picture.</param>
    /// <param name="width">The new width, in pixels.</param>
    /// <param name="height">The new height, in pixels.</param>
    /// <param name="filter">The kernel.</param>
    public static Picture Cover(this Picture picture, int width, int height, ResizeFilter filter = ResizeFilter.Bicubic)
    {
        // The part is found in whole pixels before, not after, the change of size: what is cut off has no part in the edges then.
        var wide = (long)picture.Width * height >= (long)picture.Height * width;
        var partWidth = wide ? Math.Max(1, (int)((((long)picture.Height * width) + (height / 2)) / height)) : picture.Width;
        var partHeight = wide ? picture.Height : Math.Max(1, (int)((((long)picture.Width * height) + (width / 2)) / width));
        return picture.Crop((picture.Width - partWidth) / 2, (picture.Height - partHeight) / 2, partWidth, partHeight).Resize(width, height, filter);
    }

    private static (int First, double[] Weights)[] Weights(int from, int to, ResizeFilter filter)
    {
        var scale = (double)from / to;
        var stretch = Math.Max(scale, 1);
        var support = stretch * filter switch { ResizeFilter.Area => 0.5, ResizeFilter.Bilinear => 1, _ => 2 };
        var result = new (int, double[])[to];
        for (var i = 0; i < to; i++)
        {
            var center = (i + 0.5) * scale;
            var first = Math.Max(0, (int)(center - support + 0.5));
            var last = Math.Min(from, (int)(center + support + 0.5));
            var weights = new double[last - first];
            var sum = 0.0;
            for (var k = 0; k < weights.Length; k++)
            {
                sum += weights[k] = Kernel(filter, (first + k + 0.5 - center) / stretch);
            }

            for (var k = 0; k < weights.Length; k++)
            {
                weights[k] /= sum;
            }

            result[i] = (first, weights);
        }

        return result;
    }

    private static double Kernel(ResizeFilter filter, double x)
    {
        var distance = Math.Abs(x);
        return filter switch
        {
            ResizeFilter.Area => x is > -0.5 and <= 0.5 ? 1 : 0,
            ResizeFilter.Bilinear => Math.Max(0, 1 - distance),
            _ => distance < 1 ? (((1.5 * distance) - 2.5) * distance * distance) + 1
                : distance < 2 ? (((((-0.5 * distance) + 2.5) * distance) - 4) * distance) + 2 : 0,
        };
    }
}
