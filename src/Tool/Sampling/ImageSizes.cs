using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Tool.Sampling;

/// <summary>Heights and widths on the command line: of samples, or of the images that a decoder makes of them.</summary>
internal static class ImageSizes
{
    /// <summary>What diffusers takes for the pixels of a place of latents where there is no autoencoder.</summary>
    private const int UsualEnlargement = 8;

    /// <summary>Height and width of the samples.</summary>
    /// <param name="samples">Those of the samples, as given; null otherwise.</param>
    /// <param name="height">That of the images in pixels, as given; null otherwise.</param>
    /// <param name="width">Likewise.</param>
    /// <param name="decoder">What makes images of the samples; null where they are images.</param>
    /// <param name="usual">Those of the samples that the model is made for; null when not known.</param>
    /// <returns>Height and width; null when nothing says them.</returns>
    /// <exception cref="CompressToolException">The sizes exclude each other, or are none that the decoder makes.</exception>
    public static IReadOnlyList<long>? Read((int Height, int Width)? samples, int? height, int? width, LatentDecoder? decoder, IReadOnlyList<long>? usual)
    {
        if (height is null && width is null)
        {
            return samples is { } size ? [size.Height, size.Width] : usual;
        }

        if (samples is not null)
        {
            throw new CompressToolException(ToolErrors.Conflict, "--size and --height or --width exclude each other: the first is the size of the samples that the model sees, the others are that of the images");
        }

        return [Side(height, "height", 0), Side(width, "width", 1)];

        long Side(int? pixels, string name, int index)
        {
            if (pixels is not { } given)
            {
                return usual?[index] ?? throw new CompressToolException(ToolErrors.Missing, $"the model does not say the {name} of its images; give it with --{name}");
            }

            var each = decoder is null ? 1 : decoder.Enlargement ?? throw new CompressToolException(ToolErrors.InvalidValue, $"how many pixels the decoder makes of each place of the latents cannot be seen; give the size of the latents with --size in place of --{name}");
            return given % each == 0 ? given / each : throw new CompressToolException(ToolErrors.InvalidValue, $"'--{name} {given}' is not possible: the decoder makes images whose {name} is a multiple of {each}");
        }
    }

    /// <summary>Height and width of the images in pixels.</summary>
    /// <param name="shape">The shape of a sample.</param>
    /// <param name="decoder">What makes images of the samples; null when there is none.</param>
    public static ImageSize Pixels(long[] shape, LatentDecoder? decoder)
    {
        var each = decoder?.Enlargement ?? UsualEnlargement;
        return shape.Length < 2 ? default : new ImageSize(checked((int)shape[^2] * each), checked((int)shape[^1] * each));
    }
}
