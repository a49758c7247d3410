using CompressTool.Compression.Stages;
using CompressTool.Diffusion;
using CompressTool.Diffusion.Data;
using CompressTool.Diffusion.Data.Shapes;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Data;

/// <summary>Opens the images that options name.</summary>
internal static class ImageData
{
    /// <summary>Whether images are named at all.</summary>
    public static bool IsGiven(ImageOptions options) => options.Images is not null || options.Shapes is not null;

    /// <summary>Checks what the types of the options cannot say.</summary>
    /// <param name="options">The options.</param>
    /// <param name="path">Where they are, with a dot at the end, or empty.</param>
    /// <param name="errors">Receives what is wrong.</param>
    public static void Check(ImageOptions options, string path, OptionErrors errors)
    {
        if (options.LabelFrom is { } from && !FileLabels.IsValid(from))
        {
            errors.Add(path + "label-from", $"'{from}' is neither 'folder' nor a pattern of file names with {FileLabels.Placeholder} in it");
        }

        if (options.Labels is not null && options.LabelFrom is not null)
        {
            errors.Add(path + "label-from", "labels are given already; remove one of labels and label-from");
        }

        if (options.Shapes is not null && (options.Labels is not null || options.LabelFrom is not null))
        {
            errors.Add(path + (options.Labels is not null ? "labels" : "label-from"), "drawn images bring their labels");
        }

        if (options.Size.Count > 2)
        {
            errors.Add(path + "size", "give one number, or height and width");
        }
    }

    /// <summary>Opens the images in the size of a model.</summary>
    /// <param name="options">The options.</param>
    /// <param name="sample">The model's input or output for images: [N,C,H,W].</param>
    /// <param name="path">Where the options are, with a dot at the end, or empty: for errors.</param>
    /// <exception cref="CompressToolException">Files are missing or damaged, or do not fit.</exception>
    public static ImageSet Open(ImageOptions options, Shape sample, string path)
    {
        try
        {
            var size = SizeOf(options, sample);
            return options.Shapes is { } shapes ? Draw(shapes, size, sample[1].Value) : WithLabels(options, ImageSetReader.Open(options.Images!.FullPath, new ImageSetOptions
            {
                Size = size,
                Channels = sample[1].Value is { } channels && channels is 1 or 3 ? (int)channels : null,
                Fit = options.Fit is { } fit ? (ImageFit)fit : null,
                LabelFrom = options.LabelFrom,
            }));
        }
        catch (CompressToolException e)
        {
            e.OptionPath ??= path + (options.Shapes is null ? "images" : "shapes");
            throw;
        }
    }

    private static ImageSet WithLabels(ImageOptions options, ImageSet set)
    {
        if (options.Labels is not { } path)
        {
            return set;
        }

        try
        {
            var labels = FileLabels.Check(NpyFile.Read(path.FullPath), path.Text);
            return labels.Length == set.Count ? set with { Labels = labels }
                : throw new CompressToolException(DiffusionErrors.InvalidImageSet, $"'{path}' has {labels.Length} labels, and there are {set.Count} images");
        }
        catch (CompressToolException e)
        {
            e.OptionPath ??= "data.labels";
            throw;
        }
    }

    private static ImageSet Draw(ShapesOptions shapes, (int Height, int Width)? size, long? channels)
    {
        var (height, width) = size ?? (32, 32);
        if (height != width || height < ShapeImages.MinSize || height > ShapeImages.MaxSize || channels is not (null or 1 or 3))
        {
            throw new CompressToolException(DiffusionErrors.InvalidImageSet,
                $"shapes are drawn in squares of {ShapeImages.MinSize} to {ShapeImages.MaxSize} pixels with 1 or 3 channels, and the model takes {channels?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "any"} x {height} x {width}");
        }

        return new ShapeImages((ulong)shapes.Seed, height).Open(shapes.Count, (int)(channels ?? 3));
    }

    /// <summary>Height and width that images get: those of the model, or of the options where the model leaves them open; null for the images' own.</summary>
    /// <param name="options">The options.</param>
    /// <param name="sample">The model's input or output for images: [N,C,H,W].</param>
    /// <exception cref="CompressToolException">The two contradict each other.</exception>
    public static (int Height, int Width)? SizeOf(ImageOptions options, Shape sample)
    {
        (int Height, int Width)? given = options.Size switch { [var side] => (side, side), [var height, var width] => (height, width), _ => null };
        (int Height, int Width)? model = sample[2].Value is { } h && sample[3].Value is { } w ? ((int)h, (int)w) : null;
        return given is not null && model is not null && given != model
            ? throw new CompressToolException(DiffusionErrors.InvalidImageSet, $"the model takes {model.Value.Height} x {model.Value.Width} pixels; remove size") { OptionPath = "data.size" }
            : model ?? given;
    }
}
