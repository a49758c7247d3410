namespace CompressTool.Training.Engine;

/// <summary>How gradients are computed.</summary>
public sealed record GradientOptions
{
    /// <summary>
    /// Number of segments of the forward pass whose inner values are computed a second time instead of being kept (gradient
    /// checkpointing, Chen et al. 2016): less memory for about a third more time. 1 (the default) keeps everything; 0 chooses
    /// the square root of the number of layers.
    /// </summary>
    public int Segments { get; init; } = 1;

    /// <summary>
    /// Whether convolutions, normalisations and activations are differentiated by kernels of our own (true, the default), which
    /// are faster and round a little differently, or by standard operators alone. Kernels run on the CPU: with other execution
    /// providers standard operators are used anyway.
    /// </summary>
    public bool UseKernels { get; init; } = true;

    /// <summary>
    /// Whether the function has a further input, the float32 scalar <see cref="Differentiation.TrainingGraph.LossScale"/>, that
    /// all gradients are multiplied by from the loss on, so that small ones do not vanish in float16; false by default.
    /// </summary>
    public bool LossScale { get; init; }
}
