using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Training;

/// <summary>Errors of differentiation (CMP700x) and training (CMP703x).</summary>
public static partial class TrainingErrors
{
    /// <summary>An operator on the way to a wanted gradient has no gradient.</summary>
    public static readonly ErrorCode NoGradient = new("CMP7001", "An operator between the loss and a parameter has no gradient.", "Train only parameters that the loss reaches without it, or stop the gradient before it.");

    /// <summary>A shape is not known as numbers.</summary>
    public static readonly ErrorCode UnknownShape = new("CMP7002", "A gradient needs a shape that is not known as numbers.", "Give numbers for the symbolic dimensions of the inputs, e.g. batch=2.");

    /// <summary>What is to be differentiated, or by what, is not there or not suitable.</summary>
    public static readonly ErrorCode InvalidRequest = new("CMP7003", "What is to be differentiated is not in the model, or not suitable.", "The message says what is wrong and offers the nearest name.");
}
