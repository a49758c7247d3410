namespace CompressTool.Diffusion.Pictures;

/// <summary>A picture of 8 bits a sample in memory: rows from the top, pixels from the left, the channels of a pixel together.</summary>
public sealed class Picture
{
    /// <summary>A picture over pixels that the caller gives away.</summary>
    /// <param name="width">Width in pixels, more than 0.</param>
    /// <param name="height">Height in pixels, more than 0.</param>
    /// <param name="channels">1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.</param>
    /// <param name="pixels">Height * width * channels samples; zeros when null.</param>
    /// <exception cref="ArgumentException">The number of samples is another.</exception>
    public Picture(int width, int height, int channels, byte[]? pixels = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(channels, 4);
        var count = checked(width * height * channels);
        (Width, Height, Channels, Pixels) = (width, height, channels, pixels ?? new byte[count]);
        if (Pixels.Length != count)
        {
            throw new ArgumentException($"A picture of {width} x {height} pixels with {channels} channels has {count} samples, not {Pixels.Length}.", nameof(pixels));
        }
    }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.</summary>
    public int Channels { get; }

    /// <summary>The samples.</summary>
    public byte[] Pixels { get; }

    /// <summary>The samples of a row.</summary>
    /// <param name="y">The row, from 0 at the top.</param>
    public Span<byte> Row(int y) => Pixels.AsSpan(y * Width * Channels, Width * Channels);

    /// <summary>
    /// The picture with 1 (grey) or 3 (RGB) channels. Alpha is laid over white. Grey of RGB is the luma of ITU-R BT.601 in
    /// 16 bits, (19595 R + 38470 G + 7471 B + 32768) / 65536, as in Pillow.
    /// </summary>
    /// <param name="channels">1 or 3.</param>
    public Picture WithChannels(int channels)
    {
        if (channels is not (1 or 3))
        {
            throw new ArgumentOutOfRangeException(nameof(channels));
        }

        if (channels == Channels)
        {
            return this;
        }

        var result = new Picture(Width, Height, channels);
        Span<byte> color = stackalloc byte[3];
        for (int from = 0, to = 0; from < Pixels.Length; from += Channels, to += channels)
        {
            var pixel = Pixels.AsSpan(from, Channels);
            var alpha = Channels is 2 or 4 ? pixel[^1] : (byte)255;
            for (var c = 0; c < 3; c++)
            {
                color[c] = OverWhite(pixel[Channels < 3 ? 0 : c], alpha);
            }

            if (channels == 3)
            {
                color.CopyTo(result.Pixels.AsSpan(to, 3));
            }
            else
            {
                result.Pixels[to] = (byte)(((19595 * color[0]) + (38470 * color[1]) + (7471 * color[2]) + 32768) >> 16);
            }
        }

        return result;
    }

    /// <summary>A part of the picture.</summary>
    /// <param name="left">Its left edge, in pixels.</param>
    /// <param name="top">Its upper edge, in pixels.</param>
    /// <param name="width">Its width, in pixels.</param>
    /// <param name="height">Its height, in pixels.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not inside the picture.</exception>
    public Picture Crop(int left, int top, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(left);
        ArgumentOutOfRangeException.ThrowIfNegative(top);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(left, Width - width);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(top, Height - height);
        var result = new Picture(width, height, Channels);
        for (var y = 0; y < height; y++)
        {
            Row(top + y).Slice(left * Channels, width * Channels).CopyTo(result.Row(y));
        }

        return result;
    }

    /// <summary>The picture mirrored left to right.</summary>
    public Picture Flip()
    {
        var result = new Picture(Width, Height, Channels);
        for (var y = 0; y < Height; y++)
        {
            var from = Row(y);
            var to = result.Row(y);
            for (var x = 0; x < Width; x++)
            {
                from.Slice(x * Channels, Channels).CopyTo(to[((Width - 1 - x) * Channels)..]);
            }
        }

        return result;
    }

    /// <summary>Rounded to nearest.</summary>
    private static byte OverWhite(byte value, byte alpha) => (byte)(((value * alpha) + (255 * (255 - alpha)) + 127) / 255);
}
