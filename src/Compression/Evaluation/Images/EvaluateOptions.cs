using CompressTool.Compression.Data;
using CompressTool.Compression.Options;
using CompressTool.Compression.Sampling;

namespace CompressTool.Compression.Evaluation.Images;

/// <summary>The model whose features images are compared by.</summary>
public sealed record FeatureOptions
{
    /// <summary>The model.</summary>
    [Option("An .onnx file with one input for images, [N,C,H,W], e.g. Inception v3 with the weights of the original FID. When left out, a small model of our own is used, trained on drawn shapes; its figures are called shapes-fid and so on and are no FID as papers have it.", Example = "inception.onnx")]
    public RecipePath? Model { get; init; }

    /// <summary>The output.</summary>
    [Option("The output with the features; the only one, or the one called features, when left out. Of one with a number for each place of the image the mean is taken.", Example = "pool3")]
    public string? Output { get; init; }

    /// <summary>Size.</summary>
    [Option("Height and width that images are scaled to (bilinear, antialiased) where the model leaves them open, one number or two.", Min = 1, Example = "299")]
    public IReadOnlyList<int> Size { get; init; } = [];

    /// <summary>Mean.</summary>
    [Option("What is taken off the samples of images, on a scale of 0 to 1: one number, or one for each channel.", Example = "[0.485, 0.456, 0.406]")]
    public IReadOnlyList<double> Mean { get; init; } = [0.5];

    /// <summary>Deviation.</summary>
    [Option("What they are divided by then. A mean and a deviation of 0.5 give -1 to 1.", Example = "[0.229, 0.224, 0.225]")]
    public IReadOnlyList<double> Deviation { get; init; } = [0.5];
}

/// <summary>How captions and images are compared.</summary>
public sealed record ClipOptions
{
    /// <summary>The half for images.</summary>
    [Option("The half of a CLIP model for images, an .onnx file: pixel_values in, image_embeds out.", Required = true, Example = "clip_vision.onnx")]
    public RecipePath? Model { get; init; }

    /// <summary>Embeddings of the captions.</summary>
    [Option("A .npy file with the embedding of each sample's caption by the other half, float32 [samples, embedding].", Required = true, Example = "captions.npy")]
    public RecipePath? Captions { get; init; }
}

/// <summary>Options of the <c>evaluate</c> stage.</summary>
public sealed record EvaluateOptions
{
    /// <summary>Samples.</summary>
    [Option("The samples that are drawn, from the model and, with the same noise, from the recipe's input model.", Example = "{ count: 1000, sampler: dpm++2m, steps: 20 }")]
    public ModelSampleOptions Samples { get; init; } = new();

    /// <summary>Reference images.</summary>
    [Option("The images that samples should be like. The samples of the recipe's input model when left out.", Example = "{ images: train }")]
    public ImageOptions? Reference { get; init; }

    /// <summary>Features.</summary>
    [Option("The model whose features images are compared by.", Example = "{ model: inception.onnx }")]
    public FeatureOptions Features { get; init; } = new();

    /// <summary>LPIPS.</summary>
    [Option("The model of LPIPS, an .onnx file with two inputs for images from -1 to 1 and their distance as output; LPIPS is not measured when left out.", Example = "lpips.onnx")]
    public RecipePath? Lpips { get; init; }

    /// <summary>CLIP score.</summary>
    [Option("The models of the CLIP score; it is not measured when left out.", Example = "{ model: clip_vision.onnx, captions: captions.npy }")]
    public ClipOptions? Clip { get; init; }
}
