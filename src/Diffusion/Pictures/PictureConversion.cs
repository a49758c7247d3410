using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Pictures;

/// <summary>Turns what diffusion models give, float32 [N,C,H,W] from -1 to 1, into pictures, and back.</summary>
public static class PictureConversion
{
    /// <summary>
    /// Pictures of samples, rounded as diffusers does: x / 2 + 0.5 in float32, limited to 0 to 1, times 255, to nearest with
    /// halves to even. What is not a number becomes 0.
    /// </summary>
    /// <param name="samples">Samples from -1 to 1.</param>
    /// <param name="dims">Their dimensions: [N,C,H,W] with 1, 3 or 4 channels.</param>
    /// <exception cref="CompressToolException">The dimensions are not those of pictures (<see cref="DiffusionErrors.NotAPicture"/>).</exception>
    public static IReadOnlyList<Picture> ToPictures(ReadOnlySpan<float> samples, IReadOnlyList<long> dims)
    {
        if (dims is not [>= 0, 1 or 3 or 4, > 0 and <= int.MaxValue, > 0 and <= int.MaxValue] || samples.Length != dims.Aggregate(1L, (product, dim) => checked(product * dim)))
        {
            throw new CompressToolException(DiffusionErrors.NotAPicture, $"an array [{string.Join(',', dims)}] of {samples.Length} numbers does not hold pictures; they are [N,C,H,W] with 1, 3 or 4 channels");
        }

        var (channels, height, width) = ((int)dims[1], (int)dims[2], (int)dims[3]);
        var pictures = new Picture[dims[0]];
        var plane = height * width;
        for (var n = 0; n < pictures.Length; n++)
        {
            var picture = pictures[n] = new Picture(width, height, channels);
            for (var channel = 0; channel < channels; channel++)
            {
                var from = samples.Slice(((n * channels) + channel) * plane, plane);
                for (var i = 0; i < plane; i++)
                {
                    picture.Pixels[(i * channels) + channel] = ToByte(from[i]);
                }
            }
        }

        return pictures;
    }

    /// <summary>The samples of a picture, [C,H,W] from -1 (0) to 1 (255).</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="samples">Room for channels * height * width numbers.</param>
    public static void ToSamples(Picture picture, Span<float> samples)
    {
        var plane = picture.Width * picture.Height;
        for (var channel = 0; channel < picture.Channels; channel++)
        {
            for (var i = 0; i < plane; i++)
            {
                samples[(channel * plane) + i] = (picture.Pixels[(i * picture.Channels) + channel] / 127.5f) - 1;
            }
        }
    }

    private static byte ToByte(float value)
    {
        var unit = Math.Clamp((value / 2) + 0.5f, 0, 1);
        return float.IsNaN(unit) ? (byte)0 : (byte)MathF.Round(unit * 255, MidpointRounding.ToEven);
    }
}
