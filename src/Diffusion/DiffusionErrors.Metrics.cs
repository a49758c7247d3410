using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion;

// Of metrics: CMP83xx.
public static partial class DiffusionErrors
{
    /// <summary>A metric cannot be computed of the data it is given.</summary>
    public static readonly ErrorCode InvalidMetric = new("CMP8301", "A metric cannot be computed of these images.", "The message says what it needs.");
    /// <summary>A model that should help to measure has other inputs or outputs.</summary>
    public static readonly ErrorCode UnsuitableMetricModel = new("CMP8302", "A model that should help to measure is not suitable.", "The message says which inputs and outputs it must have.");
}
