using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Training.Engine;

/// <summary>
/// An engine that can also differentiate what it runs. Methods that train see only this: a model in which the loss is an output
/// and the parameters are inputs (see <see cref="Differentiation.TrainingGraph"/>), and names.
/// </summary>
public interface ITrainingEngine : IEngine
{
    /// <summary>Prepares a model together with gradients of one of its outputs.</summary>
    /// <param name="model">The model with concrete shapes; it may be changed by this, and is not needed afterwards.</param>
    /// <param name="loss">The output to differentiate: a floating-point scalar. For the product of given output gradients with the
    /// Jacobian let it be the sum of their element-wise products with the outputs.</param>
    /// <param name="by">Names of the floating-point inputs to differentiate by.</param>
    /// <param name="gradientOptions">How the gradients are computed; null for the defaults.</param>
    /// <param name="options">How the result is run; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the preparation.</param>
    /// <returns>A function with the outputs of the model and, for each name, an output
    /// <see cref="Differentiation.TrainingGraph.GradientPrefix"/> + name of the input's shape.</returns>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">An operator on the way has no gradient (CMP7001), a shape is not known (CMP7002), a
    /// name is not there (CMP7003), or the engine cannot load the result.</exception>
    ICompiledFunction CompileGradient(Model model, string loss, IReadOnlyList<string> by, GradientOptions? gradientOptions = null, EngineOptions? options = null, CancellationToken cancellationToken = default);
}
