using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression;

/// <summary>Errors and warnings of stages (CMP40xx) and gates (CMP50xx).</summary>
public static class CompressionErrors
{
    /// <summary>A selector pattern matches no layer.</summary>
    public static readonly ErrorCode UnmatchedSelector = new("CMP4001", "A layer pattern matches no layer of the model.", "Run 'dotnet compress inspect MODEL --layers' to see the names; the message offers the nearest one.");
    /// <summary>The stage would change nothing.</summary>
    public static readonly ErrorCode NoEffect = new("CMP4002", "A stage would change nothing.", "Remove the stage or select layers that it can work on.");
    /// <summary>A selected layer was not changed.</summary>
    public static readonly ErrorCode SelectedButUnchanged = new("CMP4003", "A layer that the recipe names was not changed.", "The message says why the layer does not fit; exclude it or change the options.");
    /// <summary>The model does not fit the stage.</summary>
    public static readonly ErrorCode UnsuitableModel = new("CMP4004", "The model does not fit the stage.", "The message says what is missing.");
    /// <summary>A training cannot be done as the options say.</summary>
    public static readonly ErrorCode InvalidTraining = new("CMP4005", "Data, teacher or noise schedule do not fit the model that is trained.", "The message says what does not fit.");
    /// <summary>An evaluation that lacks what is asked of it.</summary>
    public static readonly ErrorCode InvalidEvaluation = new("CMP4006", "A figure is asked for that the evaluation does not have.", "The message says which figures there are.");
    /// <summary>Blocks that cannot be removed together.</summary>
    public static readonly ErrorCode ConflictingBlocks = new("CMP4007", "Blocks cannot be removed together.", "Name one of the two in the message.");
    /// <summary>A target of pruning that cannot be met.</summary>
    public static readonly ErrorCode UnreachableTarget = new("CMP4008", "A target of pruning cannot be met.", "The message says how far pruning gets; raise the target or let more be pruned.");
    /// <summary>Layers were skipped (warning).</summary>
    public static readonly ErrorCode LayersSkipped = new("CMP4101", "Layers were skipped because they do not fit the stage.", "They are listed in the report; exclude them to silence the warning.");
    /// <summary>Values were changed by a narrower type (warning).</summary>
    public static readonly ErrorCode ValuesClamped = new("CMP4102", "Weights were clamped to the range of a narrower type.", "Keep the named layers in float32 with layers.exclude.");
    /// <summary>Activations were calibrated with random inputs (warning).</summary>
    public static readonly ErrorCode RandomCalibration = new("CMP4103", "Ranges of activations were found with random inputs.", "Give data with calibration.data.");
    /// <summary>Quantized operators that the runtime does not compute in integers (warning).</summary>
    public static readonly ErrorCode UnfusedQuantization = new("CMP4104", "The runtime computes quantized operators in floating point, which is slower than without quantization.", "Leave the named layers out with layers.exclude.");
    /// <summary>A gate did not pass.</summary>
    public static readonly ErrorCode GateFailed = new("CMP5001", "A gate did not pass: the model is not as good as the recipe demands.", "Change the stages so that they cost less quality, or the gate's limit.");
}
