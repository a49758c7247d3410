using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>A function that shows the inputs of each run through a binding before it runs.</summary>
/// <param name="function">The function; disposed of with this.</param>
/// <param name="record">Shown them: valid during the call.</param>
internal sealed class RecordingFunction(ICompiledFunction function, Action<IReadOnlyDictionary<string, NativeArray>> record) : ICompiledFunction
{
    /// <inheritdoc/>
    public IReadOnlyList<FunctionValue> Inputs => function.Inputs;

    /// <inheritdoc/>
    public IReadOnlyList<FunctionValue> Outputs => function.Outputs;

    /// <inheritdoc/>
    public long? PeakBytes => function.PeakBytes;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, NdArray> Run(IReadOnlyDictionary<string, NdArray> feeds, IReadOnlyList<string>? outputs = null, CancellationToken cancellationToken = default) =>
        function.Run(feeds, outputs, cancellationToken);

    /// <inheritdoc/>
    public IFunctionBinding Bind() => new Binding(function.Bind(), record);

    /// <inheritdoc/>
    public void Dispose() => function.Dispose();

    private sealed class Binding(IFunctionBinding binding, Action<IReadOnlyDictionary<string, NativeArray>> record) : IFunctionBinding
    {
        private readonly Dictionary<string, NativeArray> _inputs = [];

        public void SetInput(string name, NativeArray array)
        {
            binding.SetInput(name, array);
            _inputs[name] = array;
        }

        public void SetInput(string name, DeviceArray array) => throw new NotSupportedException("Inputs on a device are not recorded.");

        public void SetOutput(string name, NativeArray array) => binding.SetOutput(name, array);

        public void SetOutput(string name, DeviceArray array) => binding.SetOutput(name, array);

        public void Run(CancellationToken cancellationToken = default)
        {
            record(_inputs);
            binding.Run(cancellationToken);
        }

        public void Dispose() => binding.Dispose();
    }
}
