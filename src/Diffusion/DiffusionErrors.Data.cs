using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion;

/// <summary>Errors of diffusion models; these are of pictures and image sets: CMP82xx.</summary>
public static partial class DiffusionErrors
{
    /// <summary>A picture file is damaged.</summary>
    public static readonly ErrorCode InvalidPicture = new("CMP8201", "A picture file is damaged, or not in the format that its name says.", "Copy or export the picture again; the message says what is wrong with it.");
    /// <summary>A picture format that is not read.</summary>
    public static readonly ErrorCode UnsupportedPicture = new("CMP8202", "The format of a picture is not supported.", "Convert the pictures to PNG; the message shows how.");
    /// <summary>Data that is no picture.</summary>
    public static readonly ErrorCode NotAPicture = new("CMP8203", "An array does not hold pictures.", "Pictures are [N,C,H,W] with 1, 3 or 4 channels; the message names the array.");
    /// <summary>Options of an image set that contradict its files or each other.</summary>
    public static readonly ErrorCode InvalidImageSet = new("CMP8204", "An image set cannot be used.", "The message says what is missing or does not fit.");
}
