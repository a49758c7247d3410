namespace CompressTool.Diffusion.Pictures;

/// <summary>Puts decoded rows into a picture of 8 bits a sample.</summary>
internal sealed class PngPixels
{
    private readonly PngHeader _header;
    private readonly byte[]? _palette;
    private readonly byte[]? _transparency;
    private readonly ushort[]? _key;
    private readonly ushort[] _samples;

    public PngPixels(PngHeader header, byte[]? palette, byte[]? transparency)
    {
        (_header, _palette, _transparency) = (header, palette, transparency);
        _samples = new ushort[header.Width * header.Samples];
        if (transparency is not null && header.ColorType is 0 or 2)
        {
            _key = transparency!.Length == 2 * header.Samples ? [.. Enumerable.Range(0, header.Samples).Select(i => (ushort)((transparency[2 * i] << 8) | transparency[(2 * i) + 1]))]
                : throw new InvalidDataException($"its transparent colour has {transparency.Length} bytes");
        }

        var alpha = transparency is not null || header.ColorType is 4 or 6;
        Picture = new Picture(header.Width, header.Height, (header.ColorType is 0 or 4 ? 1 : 3) + (alpha ? 1 : 0));
    }

    public Picture Picture { get; }

    /// <summary>Puts a row of a pass.</summary>
    /// <exception cref="InvalidDataException">An index is outside the palette.</exception>
    public void Put(ReadOnlySpan<byte> row, PngPass pass, int y)
    {
        Unpack(row, pass.Width);
        var target = Picture.Row(pass.Y + (y * pass.StepY));
        for (var x = 0; x < pass.Width; x++)
        {
            var pixel = target.Slice((pass.X + (x * pass.StepX)) * Picture.Channels, Picture.Channels);
            var samples = _samples.AsSpan(x * _header.Samples, _header.Samples);
            if (_palette is not null && _header.ColorType == 3)
            {
                PutIndex(samples[0], pixel);
                continue;
            }

            for (var i = 0; i < samples.Length; i++)
            {
                pixel[i] = To8Bits(samples[i]);
            }

            if (_key is not null)
            {
                pixel[^1] = (byte)(samples.SequenceEqual(_key) ? 0 : 255);
            }
        }
    }

    private void PutIndex(int index, Span<byte> pixel)
    {
        if (3 * index >= _palette!.Length)
        {
            throw new InvalidDataException($"a pixel has the colour {index} of a palette of {_palette.Length / 3}");
        }

        _palette.AsSpan(3 * index, 3).CopyTo(pixel);
        if (_transparency is not null)
        {
            pixel[3] = index < _transparency.Length ? _transparency[index] : (byte)255;
        }
    }

    private void Unpack(ReadOnlySpan<byte> row, int width)
    {
        var depth = _header.Depth;
        for (var i = 0; i < width * _header.Samples; i++)
        {
            _samples[i] = depth switch
            {
                16 => (ushort)((row[2 * i] << 8) | row[(2 * i) + 1]),
                8 => row[i],
                _ => (ushort)((row[i * depth / 8] >> (8 - depth - (i * depth % 8))) & ((1 << depth) - 1)),
            };
        }
    }

    private byte To8Bits(int sample) => _header.Depth switch
    {
        16 => (byte)(((sample * 255) + 32767) / 65535),
        var depth => (byte)(sample * 255 / ((1 << depth) - 1)),
    };
}
