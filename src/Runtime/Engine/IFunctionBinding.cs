namespace CompressTool.Runtime.Engine;

/// <summary>
/// Inputs and outputs of a function in memory of the caller, set once for many runs: on the CPU nothing is copied or allocated
/// by a run; another device copies arrays of the host, as they are then, and leaves <see cref="DeviceArray"/>s where they are. Bound arrays are kept from the garbage collector, and must not be disposed before the binding. Not safe for use on several threads at once.
/// </summary>
public interface IFunctionBinding : IDisposable
{
    /// <summary>Sets the array that runs read an input from.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The function has no such input, or another type or shape.</exception>
    void SetInput(string name, NativeArray array);

    /// <summary>Sets the array on the device that runs read an input from.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The function has no such input, or another type or shape.</exception>
    void SetInput(string name, DeviceArray array);

    /// <summary>Sets the array that runs write an output to. Outputs without an array are not computed.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The function has no such output, or another type or shape.</exception>
    void SetOutput(string name, NativeArray array);

    /// <summary>Sets the array on the device that runs write an output to. It may be one that an input is read from, when
    /// nothing reads it any more once the output is written.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The function has no such output, or another type or shape.</exception>
    void SetOutput(string name, DeviceArray array);

    /// <summary>Runs the function.</summary>
    /// <param name="cancellationToken">Ends the run before its next node.</param>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">An input has no array, or a node failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    void Run(CancellationToken cancellationToken = default);
}
