using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Data;

/// <summary>What images are wanted as.</summary>
public sealed record ImageSetOptions
{
    /// <summary>Height and width in pixels; null for the images' own, which must be one.</summary>
    public (int Height, int Width)? Size { get; init; }

    /// <summary>1 or 3; null for the images' own. Arrays keep theirs.</summary>
    public int? Channels { get; init; }

    /// <summary>How they get the size; null pads when all have one size that has room in the wanted one, and covers otherwise.</summary>
    public ImageFit? Fit { get; init; }

    /// <summary>Where the classes come from (see <see cref="FileLabels"/>); null for none.</summary>
    public string? LabelFrom { get; init; }
}

/// <summary>Opens sets of images: PNG files, arrays in .npy or .safetensors files.</summary>
public static class ImageSetReader
{
    private static readonly string[] s_pictures = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"];

    /// <summary>The endings of files that count as images of a folder. Those that cannot be read count too: they are refused, not passed over.</summary>
    public static IReadOnlyList<string> Extensions => s_pictures;

    /// <summary>Opens a set.</summary>
    /// <param name="path">A .npy or .safetensors file (tensors 'images' and perhaps 'labels'), a PNG file, a folder or a pattern.</param>
    /// <param name="options">What the images are wanted as.</param>
    /// <exception cref="CompressToolException">A file is missing or damaged, or the images do not fit the options.</exception>
    public static ImageSet Open(string path, ImageSetOptions options)
    {
        var files = FileSet.Find(path, Extensions);
        return files.Names.Count == 1 && Path.GetExtension(files.Names[0]).ToLowerInvariant() is (".npy" or ".safetensors") and var extension
            ? OpenArray(files.Paths.First(), extension, options)
            : OpenFiles(files, options);
    }

    private static ImageSet OpenArray(string path, string extension, ImageSetOptions options)
    {
        if (options.LabelFrom is not null)
        {
            throw Invalid("an array has no file names to take labels from; give a file of labels");
        }

        if (extension == ".npy")
        {
            return new ImageSet(Resize(NpyFile.Read(path), options, path));
        }

        // The tensors stay in the file, which lives as long as they do.
        var file = SafetensorsFile.Open(path);
        return !file.Names.Contains("images") ? throw Invalid($"'{path}' has no tensor 'images'; it has {string.Join(", ", file.Names)}")
            : new ImageSet(Resize(file["images"], options, path)) { Labels = file.Names.Contains("labels") ? FileLabels.Check(file["labels"], path) : null };
    }

    /// <summary>
    /// Arrays that are no images are left to whoever uses them, who has his own words for it; so is the padding of floating-point
    /// ones, which are no pictures.
    /// </summary>
    private static Tensor Resize(Tensor images, ImageSetOptions options, string path)
    {
        if (options.Size is not { } size || images.Dims.Count is not (3 or 4))
        {
            return images;
        }

        var first = images.Dims is [_, 1 or 3 or 4, _, not (1 or 3 or 4)];
        var (height, width, channels) = images.Dims.Count == 3 ? (images.Dims[1], images.Dims[2], 1L) : first ? (images.Dims[2], images.Dims[3], images.Dims[1]) : (images.Dims[1], images.Dims[2], images.Dims[3]);
        var hasRoom = height <= size.Height && width <= size.Width;
        var fit = options.Fit ?? (hasRoom ? ImageFit.Pad : ImageFit.Cover);
        if ((height, width) == size || channels > 4 || (fit == ImageFit.Pad && (!hasRoom || images.Type != DataType.UInt8)))
        {
            return images;
        }

        if (images.Type != DataType.UInt8)
        {
            throw Invalid($"'{path}' is {images}, and only uint8 images can be scaled to {size.Height} x {size.Width}");
        }

        var length = checked((int)(height * width * channels));
        return PictureData.Create(checked((int)images.Dims[0]), size, (int)channels, i =>
        {
            var pixels = new byte[length];
            images.Data.Read((long)i * length, pixels);
            return Fit(new Picture((int)width, (int)height, (int)channels, first ? Interleave(pixels, (int)channels) : pixels), size, fit);
        });
    }

    private static ImageSet OpenFiles(FileSet files, ImageSetOptions options)
    {
        var sizes = options is { Size: not null, Fit: not null, Channels: not null } ? [] : files.Paths.Select(PictureFile.ReadSize).Distinct().ToArray();
        if (options.Size is null && sizes.Select(size => (size.Height, size.Width)).Distinct().Skip(1).Any())
        {
            throw Invalid($"the images in '{files.Root}' have different sizes, e.g. {sizes[0].Width} x {sizes[0].Height} and {sizes[1].Width} x {sizes[1].Height}; say which they should have");
        }

        var wanted = options.Size ?? (sizes[0].Height, sizes[0].Width);
        var channels = options.Channels ?? (sizes.Any(size => size.Channels > 2) ? 3 : 1);
        var padded = options.Fit ?? (sizes.Select(size => (size.Height, size.Width)).Distinct().Count() == 1 && sizes[0].Height <= wanted.Height && sizes[0].Width <= wanted.Width ? ImageFit.Pad : ImageFit.Cover);
        var images = PictureData.Create(files.Names.Count, wanted, channels, i =>
        {
            var path = files.PathOf(files.Names[i]);
            var picture = PictureFile.Read(path).WithChannels(channels);
            return padded != ImageFit.Pad || (picture.Width <= wanted.Width && picture.Height <= wanted.Height) ? Fit(picture, wanted, padded)
                : throw Invalid($"'{path}' has {picture.Width} x {picture.Height} pixels and cannot be padded to {wanted.Width} x {wanted.Height}");
        });
        var (labels, classes) = FileLabels.Find(files.Names, options.LabelFrom);
        return new ImageSet(images) { Names = files.Names, Labels = labels, Classes = classes };
    }

    private static Picture Fit(Picture picture, (int Height, int Width) size, ImageFit? fit) => fit switch
    {
        ImageFit.Pad => Pad(picture, size),
        ImageFit.Stretch => picture.Resize(size.Width, size.Height),
        _ => picture.Cover(size.Width, size.Height),
    };

    private static Picture Pad(Picture picture, (int Height, int Width) size)
    {
        var result = new Picture(size.Width, size.Height, picture.Channels);
        var (left, top) = ((size.Width - picture.Width) / 2, (size.Height - picture.Height) / 2);
        for (var y = 0; y < picture.Height; y++)
        {
            picture.Row(y).CopyTo(result.Row(top + y)[(left * picture.Channels)..]);
        }

        return result;
    }

    private static byte[] Interleave(byte[] planes, int channels)
    {
        var pixels = new byte[planes.Length];
        var plane = planes.Length / channels;
        for (var i = 0; i < planes.Length; i++)
        {
            pixels[(i % plane * channels) + (i / plane)] = planes[i];
        }

        return pixels;
    }

    private static CompressToolException Invalid(string message) => new(DiffusionErrors.InvalidImageSet, message);
}
