namespace CompressTool.Runtime.Engine;

/// <summary>A binding of a session.</summary>
/// <param name="session">The session; it must live longer.</param>
/// <param name="onHost">Whether all nodes run on the CPU, so that bound arrays are read where they lie.</param>
internal sealed class OnnxRuntimeBinding(InferenceSession session, bool onHost) : IFunctionBinding
{
    private readonly OrtIoBinding _binding = session.CreateIoBinding();

    // What the runtime has pointers into must not be collected.
    private readonly Dictionary<string, object> _inputs = [], _outputs = [];

    /// <summary>A value over an array's memory, which must be kept from the collector as long as the value.</summary>
    public static OrtValue ValueOf(NativeArray array) =>
        OrtValue.CreateTensorValueWithData(OrtMemoryInfo.Cpu, array.Type, [.. array.Dims], array.Pointer, array.ByteLength);

    public void SetInput(string name, NativeArray array)
    {
        Bind(name, array);
        _inputs[name] = array;
    }

    public void SetInput(string name, DeviceArray array)
    {
        _binding.BindInput(name, OrtDeviceMemory.ValueOf(array));
        _inputs[name] = array;
    }

    public void SetOutput(string name, NativeArray array)
    {
        using var value = ValueOf(array);
        _binding.BindOutput(name, value);
        _outputs[name] = array;
    }

    public void SetOutput(string name, DeviceArray array)
    {
        _binding.BindOutput(name, OrtDeviceMemory.ValueOf(array));
        _outputs[name] = array;
    }

    public void Run(CancellationToken cancellationToken = default)
    {
        if (onHost)
        {
            session.RunWithBinding(_binding, cancellationToken: cancellationToken);
            return;
        }

        // Binding copies an array of the host to the device, so what has been written since would not be seen.
        foreach (var (name, input) in _inputs)
        {
            if (input is NativeArray array)
            {
                Bind(name, array);
            }
        }

        _binding.SynchronizeBoundInputs();
        session.RunWithBinding(_binding, cancellationToken: cancellationToken);
        _binding.SynchronizeBoundOutputs();
    }

    public void Dispose() => _binding.Dispose();

    private void Bind(string name, NativeArray array)
    {
        using var value = ValueOf(array);
        _binding.BindInput(name, value);
    }
}
