using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>A model as a function that shows the inputs of each run through a binding before it runs. Compiled when it first runs: what it takes and gives is known before.</summary>
/// <param name="graph">The graph of the model.</param>
/// <param name="compile">Compiles it.</param>
/// <param name="record">Shown the inputs: valid during the call.</param>
internal sealed class RecordingFunction(Graph graph, Func<ICompiledFunction> compile, Action<IReadOnlyDictionary<string, NativeArray>> record) : ICompiledFunction
{
    private readonly Lazy<ICompiledFunction> _function = new(compile);

    /// <inheritdoc/>
    public IReadOnlyList<FunctionValue> Inputs { get; } = [.. graph.Inputs.Where(input => input.Initializer is null).Select(input => new FunctionValue(input.Name, input.TensorType!))];

    /// <inheritdoc/>
    public IReadOnlyList<FunctionValue> Outputs { get; } = [.. graph.Outputs.Select(output => new FunctionValue(output.Name, output.TensorType!))];

    /// <inheritdoc/>
    public long? PeakBytes => _function.Value.PeakBytes;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, NdArray> Run(IReadOnlyDictionary<string, NdArray> feeds, IReadOnlyList<string>? outputs = null, CancellationToken cancellationToken = default) =>
        _function.Value.Run(feeds, outputs, cancellationToken);

    /// <inheritdoc/>
    public IFunctionBinding Bind() => new Binding(_function.Value.Bind(), record);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_function.IsValueCreated)
        {
            _function.Value.Dispose();
        }
    }

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
