using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Training;

// Of training: CMP703x.
public static partial class TrainingErrors
{
    /// <summary>A parameter that cannot be trained, or names that do not fit together.</summary>
    public static readonly ErrorCode InvalidParameter = new("CMP7030", "A parameter cannot be trained, or has another shape than it should.", "Only floating-point weights can be trained; the message names the parameter.");
    /// <summary>An option of the training is out of its range.</summary>
    public static readonly ErrorCode InvalidOption = new("CMP7031", "An option of the training is out of its range.", "The message names the option and its range.");
    /// <summary>The loss became infinite or not a number.</summary>
    public static readonly ErrorCode NonFiniteLoss = new("CMP7032", "The loss became infinite or not a number.", "Lower the learning rate, warm up longer, or clip the gradients; the message names the first bad value.");
    /// <summary>A gradient became infinite or not a number.</summary>
    public static readonly ErrorCode NonFiniteGradient = new("CMP7033", "A gradient became infinite or not a number.", "Lower the learning rate, warm up longer, or clip the gradients; the message names the first bad value.");
    /// <summary>No checkpoint of a folder can be read.</summary>
    public static readonly ErrorCode InvalidCheckpoint = new("CMP7034", "A checkpoint is damaged.", "Delete the file; training goes on from the one before, or starts again.");
    /// <summary>A checkpoint was written by a training with other options, data or parameters.</summary>
    public static readonly ErrorCode ForeignCheckpoint = new("CMP7035", "A checkpoint belongs to another training.", "Set the options back as they were, or delete the checkpoints to start again; the message names the difference.");
    /// <summary>Training data that cannot be used.</summary>
    public static readonly ErrorCode InvalidData = new("CMP7036", "Training data cannot be used.", "The message says what the data must be.");
}
