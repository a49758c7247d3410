using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;

namespace CompressTool.Compression.Sampling;

/// <summary>Pictures of one size in a .safetensors file: 'images', uint8 [N,H,W,C], and perhaps 'labels'.</summary>
internal static class PictureArrays
{
    public static void Write(string path, IReadOnlyList<Picture> pictures, long[]? labels, CancellationToken cancellationToken)
    {
        var first = pictures[0];
        var pixels = new byte[checked(pictures.Count * first.Pixels.Length)];
        foreach (var (index, picture) in pictures.Index())
        {
            picture.Pixels.CopyTo(pixels, index * first.Pixels.Length);
        }

        var images = Tensor.Create<byte>(DataType.UInt8, [pictures.Count, first.Height, first.Width, first.Channels], pixels);
        SafetensorsFile.Write(path, labels is null ? [new("images", images)] : [new("images", images), new("labels", Tensor.Int64s(labels))], cancellationToken: cancellationToken);
    }

    public static IReadOnlyList<Picture> Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return Of(file["images"]);
    }

    /// <summary>The pictures in a tensor, uint8 [N,H,W], [N,H,W,C] or [N,C,H,W], or floating-point from 0 to 1.</summary>
    public static IReadOnlyList<Picture> Of(Tensor images)
    {
        var (height, width, channels, first) = images.Dims switch
        {
            [_, var h, var w] => ((int)h, (int)w, 1, false),
            [_, var h, var w, var c and (1 or 3 or 4)] => ((int)h, (int)w, (int)c, false),
            [_, var c and (1 or 3 or 4), var h, var w] => ((int)h, (int)w, (int)c, true),
            _ => throw new Onnx.Diagnostics.CompressToolException(Diffusion.DiffusionErrors.NotAPicture, $"{images} does not hold images; they are [N,H,W], [N,H,W,C] or [N,C,H,W] with 1, 3 or 4 channels"),
        };
        var (length, plane) = (height * width * channels, height * width);
        var bytes = new byte[images.Type.ByteSize(length)];
        var pictures = new Picture[images.Dims[0]];
        for (var n = 0; n < pictures.Length; n++)
        {
            images.Data.Read((long)n * bytes.Length, bytes);
            var samples = images.Type == DataType.UInt8 ? bytes
                : Array.ConvertAll(Tensor.Create<byte>(images.Type, [length], bytes).ToFloats(), x => (byte)Math.Round(Math.Clamp(x, 0, 1) * 255, MidpointRounding.ToEven));
            var picture = pictures[n] = new Picture(width, height, channels);
            for (var i = 0; i < length; i++)
            {
                picture.Pixels[i] = samples[first ? (i % channels * plane) + (i / channels) : i];
            }
        }

        return pictures;
    }
}
