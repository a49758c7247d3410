using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion;

/// <summary>Errors of reading and writing checkpoints: CMP80xx.</summary>
public static partial class DiffusionErrors
{
    /// <summary>A folder has not the files that a diffusers model has.</summary>
    public static readonly ErrorCode NoCheckpoint = new("CMP8001", "A folder is not a diffusers model.", "Name the folder that has model_index.json, or the one of a single model with its config.json.");

    /// <summary>A component that a folder does not have, or none chosen of several.</summary>
    public static readonly ErrorCode UnknownComponent = new("CMP8002", "A diffusers folder has no such component, or several to choose from.", "The message lists the components; name one behind the folder, e.g. folder#unet.");

    /// <summary>The class of a model is not supported.</summary>
    public static readonly ErrorCode UnknownClass = new("CMP8003", "The class of a model is not supported.", "The message lists the classes that are; export others to ONNX and use the .onnx file.");

    /// <summary>A configuration has a key that is not known.</summary>
    public static readonly ErrorCode UnknownConfigKey = new("CMP8004", "A config.json has a key that is not known.", "The key may change what the model computes, so it is not ignored; the message offers the nearest one.");

    /// <summary>A configuration has a value that is not supported.</summary>
    public static readonly ErrorCode UnsupportedConfig = new("CMP8005", "A config.json is damaged or asks for something that is not supported.", "The message names the key and what is supported.");

    /// <summary>Weights in a format that runs code when it is read.</summary>
    public static readonly ErrorCode PickledWeights = new("CMP8006", "A checkpoint is in Python's pickle format.", "Reading such a file can execute code that is hidden in it, so it is never read; use the .safetensors file of the same model, or save it as one where it came from.");

    /// <summary>A weight file is not there.</summary>
    public static readonly ErrorCode MissingWeightFile = new("CMP8007", "A weight file of a checkpoint is missing.", "Download the checkpoint again; all parts that its index names must be beside it.");

    /// <summary>A tensor is not in the checkpoint.</summary>
    public static readonly ErrorCode MissingTensor = new("CMP8008", "A checkpoint has not all tensors that its config.json asks for.", "config.json and weights are not of the same model; take both from the same place.");

    /// <summary>A tensor has not the shape that it should have.</summary>
    public static readonly ErrorCode WrongTensor = new("CMP8009", "A tensor of a checkpoint has another shape or type than its config.json asks for.", "config.json and weights are not of the same model; take both from the same place.");

    /// <summary>The checkpoint has tensors that nothing uses.</summary>
    public static readonly ErrorCode UnusedTensors = new("CMP8010", "A checkpoint has tensors that its config.json has no place for.", "config.json and weights are not of the same model; take both from the same place.");

    /// <summary>A model has no form as a checkpoint.</summary>
    public static readonly ErrorCode NotExpressible = new("CMP8011", "A model cannot be written as a diffusers folder.", "Such a folder describes imported models with other weights, fewer layers or fewer blocks; the message says what else there is. Keep the .onnx file.");
}
