using CompressTool.Compression.Options;

namespace CompressTool.Compression.Data;

/// <summary>How images get the size of the model.</summary>
public enum ImageFitOption
{
    /// <summary>Padded.</summary>
    [OptionName("pad", Description = "They are put in the middle of black.")]
    Pad,

    /// <summary>Covering.</summary>
    [OptionName("cover", Description = "They are scaled to cover the size (bicubic, antialiased), and what sticks out is cut off evenly.")]
    Cover,

    /// <summary>Stretched.</summary>
    [OptionName("stretch", Description = "They are scaled to the size, whatever their proportions.")]
    Stretch,
}

/// <summary>A drawn image set.</summary>
public sealed record ShapesOptions
{
    /// <summary>Number of images.</summary>
    [Option("How many images.", Min = 1, Example = "4000")]
    public int Count { get; init; } = 4000;

    /// <summary>Seed.</summary>
    [Option("What the images depend on.", Min = 0)]
    public long Seed { get; init; }
}

/// <summary>A set of images.</summary>
public record ImageOptions
{
    /// <summary>Files.</summary>
    [Option("Images: a folder of PNG files, with all below it; a pattern of such files (train/*.png, train/**/*.png); a .npy file, uint8 or floating-point from 0 to 1, [N,H,W], [N,H,W,C] or [N,C,H,W]; or a .safetensors file with such a tensor 'images' and perhaps 'labels'.", Example = "images.npy")]
    public RecipeFiles? Images { get; init; }

    /// <summary>Drawn images.</summary>
    [Option("Images drawn on the spot instead, in the size of the model and with labels: simple objects of ten classes, as 'dotnet compress images shapes' writes them.", Example = "{ count: 4000 }")]
    public ShapesOptions? Shapes { get; init; }

    /// <summary>Size.</summary>
    [Option("Height and width of the images for a model that leaves them open, one number or two; the images' own when left out.", Min = 1, Example = "[64, 96]")]
    public IReadOnlyList<int> Size { get; init; } = [];

    /// <summary>Fit.</summary>
    [Option("How images get the size of the model. When left out, images of one size that have room in it are padded with black, others cover it.")]
    public ImageFitOption? Fit { get; init; }

    /// <summary>Labels.</summary>
    [Option("A .npy file with the class of each image, whole numbers from 0, for a model that takes class labels. For files in the order of their names.", Example = "labels.npy")]
    public RecipePath? Labels { get; init; }

    /// <summary>Labels from names.</summary>
    [Option("Where labels come from instead: 'folder' takes the sub-folder of each image as its class, a pattern such as '{label}_*.png' a part of its name. Classes are numbered in the order of their names, or are numbers themselves.", Example = "folder")]
    public string? LabelFrom { get; init; }
}
