using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Tests.Evaluation;

/// <summary>An engine whose models are functions of the test, by file name; it remembers what it was fed.</summary>
internal sealed class FakeEngine : IEngine
{
    private readonly Dictionary<string, FakeFunction> _functions = [];

    public string Name => "fake";

    public string Version => "1.0";

    public IReadOnlyList<string> Providers => ["CPUExecutionProvider"];

    /// <summary>Names of compiled and disposed models, in order, the latter with a minus.</summary>
    public List<string> Log { get; } = [];

    public List<(string Model, IReadOnlyDictionary<string, NdArray> Feeds)> Runs { get; } = [];

    public EngineOptions? LastOptions { get; private set; }

    public void Add(string file, IReadOnlyList<FunctionValue> inputs, IReadOnlyList<FunctionValue> outputs, Func<IReadOnlyDictionary<string, NdArray>, Dictionary<string, NdArray>> run) =>
        _functions.Add(file, new FakeFunction(this, file, inputs, outputs, run));

    public ICompiledFunction Compile(string modelPath, EngineOptions? options = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        LastOptions = options;
        Log.Add(Path.GetFileName(modelPath));
        return _functions[Path.GetFileName(modelPath)];
    }

    public ICompiledFunction Compile(Onnx.Model model, EngineOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("Models are known by their file names.");

    public IDeviceMemory OpenDeviceMemory(EngineOptions? options = null) => throw new NotSupportedException("There is no device.");

    private sealed class FakeFunction(
        FakeEngine engine, string file, IReadOnlyList<FunctionValue> inputs, IReadOnlyList<FunctionValue> outputs, Func<IReadOnlyDictionary<string, NdArray>, Dictionary<string, NdArray>> run) : ICompiledFunction
    {
        public IReadOnlyList<FunctionValue> Inputs => inputs;

        public IReadOnlyList<FunctionValue> Outputs => outputs;

        public IReadOnlyDictionary<string, NdArray> Run(IReadOnlyDictionary<string, NdArray> feeds, IReadOnlyList<string>? wanted = null, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            engine.Runs.Add((file, feeds));
            return run(feeds);
        }

        public long? PeakBytes => null;

        public IFunctionBinding Bind() => throw new NotSupportedException("Runs are remembered by their feeds.");

        public void Dispose() => engine.Log.Add("-" + file);
    }
}
