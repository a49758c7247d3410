using System.Globalization;
using CompressTool.Onnx;

namespace CompressTool.Runtime.Engine;

/// <summary>
/// Memory of the first execution provider of some options. What copies is a graph of one Identity between the host and the
/// device: it runs where the functions run, whatever the provider.
/// </summary>
/// <param name="provider">The provider; null for the CPU.</param>
/// <param name="load">Loads a graph with the options.</param>
internal sealed class OrtDeviceMemory(ExecutionProvider? provider, Func<Model, InferenceSession> load) : IDeviceMemory
{
    private const string Input = "from", Output = "to";

    private readonly Dictionary<DataType, Copier> _copiers = [];

    public long BytesCopied { get; private set; }

    public DeviceArray Allocate(DataType type, params IReadOnlyList<long> dims) => new Array(this, CopierOf(type), type, dims);

    public void Dispose()
    {
        foreach (var copier in _copiers.Values)
        {
            copier.Dispose();
        }
    }

    /// <summary>The runtime's value of an array of any such memory.</summary>
    /// <exception cref="ArgumentException">It is an array of another engine.</exception>
    public static OrtValue ValueOf(DeviceArray array) =>
        array is Array own ? own.Value : throw new ArgumentException("The array is in the memory of another engine.", nameof(array));

    private Copier CopierOf(DataType type)
    {
        if (!_copiers.TryGetValue(type, out var copier))
        {
            using var model = Identity(type);
            _copiers[type] = copier = new Copier(load(model), provider);
        }

        return copier;
    }

    /// <summary>A graph that gives what it gets, of whatever shape.</summary>
    private static Model Identity(DataType type)
    {
        var model = new Model();
        model.OpsetImports[""] = 13;
        var (input, output) = (new Value(Input, new TensorType(type, null)), new Value(Output, new TensorType(type, null)));
        model.Graph.AddInput(input);
        model.Graph.Add(new Node("Identity", [input], [output], "copy"));
        model.Graph.Outputs.Add(output);
        return model;
    }

    private sealed class Copier : IDisposable
    {
        private readonly InferenceSession _session;
        private readonly OrtIoBinding _binding;

        public Copier(InferenceSession session, ExecutionProvider? provider)
        {
            _session = session;
            _binding = session.CreateIoBinding();
            Allocator = new OrtAllocator(session, MemoryOf(session, provider));
        }

        public OrtAllocator Allocator { get; }

        private static OrtMemoryInfo MemoryOf(InferenceSession session, ExecutionProvider? provider)
        {
            if (OrtMemoryInfo.OfOutput(session, 0) is { } told)
            {
                return told;
            }

            // An older library does not tell; of the providers that it knows, these have memory of their own that is addressed as the host's is.
            var name = provider?.Name.Replace("ExecutionProvider", "", StringComparison.OrdinalIgnoreCase).ToUpperInvariant();
            var id = int.TryParse(provider?.Options?.GetValueOrDefault("device_id"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
            return name is "CUDA" or "TENSORRT" ? new OrtMemoryInfo("Cuda", OrtAllocatorType.Device, id, OrtMemoryType.Default) : OrtMemoryInfo.Cpu;
        }

        public void Copy(OrtValue from, OrtValue to)
        {
            _binding.BindInput(Input, from);
            _binding.BindOutput(Output, to);
            _binding.SynchronizeBoundInputs();
            _session.RunWithBinding(_binding);
            _binding.SynchronizeBoundOutputs();
            _binding.ClearBoundInputs();
            _binding.ClearBoundOutputs();
        }

        public void Dispose()
        {
            Allocator.Dispose();
            _binding.Dispose();
            _session.Dispose();
        }
    }

    private sealed class Array(OrtDeviceMemory memory, Copier copier, DataType type, IReadOnlyList<long> dims) : DeviceArray(type, dims)
    {
        public OrtValue Value { get; } = OrtValue.CreateAllocatedTensorValue(copier.Allocator, type, [.. dims]);

        public override void Dispose() => Value.Dispose();

        protected override void Upload(NativeArray source)
        {
            using var host = OnnxRuntimeBinding.ValueOf(source);
            Copy(host, Value);
        }

        protected override void Download(NativeArray target)
        {
            using var host = OnnxRuntimeBinding.ValueOf(target);
            Copy(Value, host);
        }

        private void Copy(OrtValue from, OrtValue to)
        {
            if (Count > 0)
            {
                copier.Copy(from, to);
                memory.BytesCopied += ByteLength;
            }
        }
    }
}
