using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Import.Weights;

/// <summary>Where the parameters of a model come from.</summary>
internal interface IWeightSource
{
    /// <summary>A parameter, as float32; its data stays where it is until someone reads it.</summary>
    /// <param name="name">Its name in the state dict.</param>
    /// <param name="dims">The shape it must have.</param>
    /// <param name="initialization">How it is made when there is no checkpoint.</param>
    /// <exception cref="CompressToolException">It is missing (CMP8008), or has another shape or a type that is no floating-point one (CMP8009).</exception>
    Tensor Get(string name, IReadOnlyList<long> dims, Initialization initialization);

    /// <summary>Called when the model is complete.</summary>
    /// <param name="ignored">Whether a tensor that the model does not use is known to mean nothing.</param>
    /// <exception cref="CompressToolException">The source has more parameters than the model (CMP8010).</exception>
    void Complete(Predicate<string> ignored);
}
