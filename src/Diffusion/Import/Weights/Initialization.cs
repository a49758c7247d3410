using CompressTool.Onnx;

namespace CompressTool.Diffusion.Import.Weights;

/// <summary>How PyTorch initialises a parameter before training.</summary>
internal abstract record Initialization
{
    /// <summary>Zeros.</summary>
    public static Initialization Zeros { get; } = new Constant(0);

    /// <summary>Ones.</summary>
    public static Initialization Ones { get; } = new Constant(1);

    /// <summary>
    /// Uniform in ±1/sqrt(inputs): what convolutions and linear layers take for weights and biases. For the weights it is the scheme of
    /// He et al. (2015) for leaky units of slope sqrt(5): sqrt(2 / (1 + 5)) * sqrt(3 / inputs).
    /// </summary>
    /// <param name="inputs">How many numbers go into one output.</param>
    public static Initialization FanIn(long inputs) => new Uniform(1 / Math.Sqrt(inputs));

    /// <summary>All the same.</summary>
    public sealed record Constant(float Value) : Initialization;

    /// <summary>Uniform between -Bound and Bound.</summary>
    public sealed record Uniform(double Bound) : Initialization;

    /// <summary>Normal around 0.</summary>
    public sealed record Normal(double Deviation) : Initialization;

    /// <summary>Certain numbers.</summary>
    public sealed record Given(Tensor Numbers) : Initialization;
}
