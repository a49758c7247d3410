using CompressTool.Onnx;

namespace CompressTool.Runtime.Engine;

/// <summary>
/// Something that runs models. Methods that calibrate, measure or compare see only this, so that another engine can take
/// ONNX Runtime's place.
/// </summary>
public interface IEngine
{
    /// <summary>The engine's name, e.g. <c>onnxruntime</c>.</summary>
    string Name { get; }

    /// <summary>The engine's version; results may depend on it.</summary>
    string Version { get; }

    /// <summary>The execution providers that <see cref="EngineOptions.Providers"/> may name, the preferred one first.</summary>
    IReadOnlyList<string> Providers { get; }

    /// <summary>Loads a model and prepares it to run.</summary>
    /// <param name="modelPath">The .onnx file.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The engine cannot load the model, or lacks a provider (<see cref="RuntimeErrors"/>).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    ICompiledFunction Compile(string modelPath, EngineOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Prepares a model in memory to run. It may be changed or disposed afterwards; the file that a large one was read from stays in use, which matters on Windows.</summary>
    /// <inheritdoc cref="Compile(string, EngineOptions?, CancellationToken)"/>
    ICompiledFunction Compile(Model model, EngineOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>The memory in which functions of some options keep their values, for arrays that stay there from run to run.</summary>
    /// <param name="options">The options of the functions; null for the defaults.</param>
    IDeviceMemory OpenDeviceMemory(EngineOptions? options = null);
}

/// <summary>A model ready to run: feeds in, outputs out. Runs may happen on several threads at once.</summary>
public interface ICompiledFunction : IDisposable
{
    /// <summary>The inputs that a run must be given, in the model's order.</summary>
    IReadOnlyList<FunctionValue> Inputs { get; }

    /// <summary>The outputs, in the model's order.</summary>
    IReadOnlyList<FunctionValue> Outputs { get; }

    /// <summary>Runs the model.</summary>
    /// <param name="feeds">The inputs by name.</param>
    /// <param name="outputs">The outputs wanted; null for all. What no wanted output needs may be skipped.</param>
    /// <param name="cancellationToken">Ends the run before its next node.</param>
    /// <returns>The outputs by name.</returns>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">Names, types or shapes do not fit, or a node failed (<see cref="RuntimeErrors"/>).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    IReadOnlyDictionary<string, NdArray> Run(IReadOnlyDictionary<string, NdArray> feeds, IReadOnlyList<string>? outputs = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// The most memory that runs have had in use at once so far for weights and values, in bytes; null when the engine does not count.
    /// What the caller gives (bound inputs and outputs) and weights mapped from files do not count.
    /// </summary>
    long? PeakBytes { get; }

    /// <summary>A binding of inputs and outputs to memory of the caller.</summary>
    IFunctionBinding Bind();
}

/// <summary>An input or output of a function.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element type and shape; dimensions may be symbols.</param>
public sealed record FunctionValue(string Name, TensorType Type)
{
    /// <summary>E.g. <c>sample: float32[batch,3,32,32]</c>.</summary>
    public override string ToString() => $"{Name}: {Type}";
}
