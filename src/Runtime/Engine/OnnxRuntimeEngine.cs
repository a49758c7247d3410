using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Runtime.Engine;

/// <summary>ONNX Runtime as an engine.</summary>
public sealed class OnnxRuntimeEngine : IEngine
{
    /// <inheritdoc/>
    public string Name => "onnxruntime";

    /// <inheritdoc/>
    public string Version => OrtEnvironment.Version;

    /// <inheritdoc/>
    public IReadOnlyList<string> Providers => OrtEnvironment.AvailableProviders;

    /// <inheritdoc/>
    public ICompiledFunction Compile(string modelPath, EngineOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new EngineOptions();
        using var sessionOptions = new SessionOptions
        {
            IntraOpNumThreads = options.Threads,
            GraphOptimizationLevel = options.Optimize ? GraphOptimizationLevel.All : GraphOptimizationLevel.DisableAll,
            DeterministicCompute = options.Deterministic,
        };
        foreach (var provider in options.Providers)
        {
            sessionOptions.AppendExecutionProvider(provider.Name, provider.Options);
        }

        var session = new InferenceSession(modelPath, sessionOptions, cancellationToken);
        try
        {
            return new Function(session, modelPath);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private sealed class Function(InferenceSession session, string modelPath) : ICompiledFunction
    {
        public IReadOnlyList<FunctionValue> Inputs { get; } = Describe(session.InputNames, session.InputMetadata, modelPath);

        public IReadOnlyList<FunctionValue> Outputs { get; } = Describe(session.OutputNames, session.OutputMetadata, modelPath);

        public IReadOnlyDictionary<string, NdArray> Run(IReadOnlyDictionary<string, NdArray> feeds, IReadOnlyList<string>? outputs = null, CancellationToken cancellationToken = default)
        {
            var inputs = new Dictionary<string, OrtValue>(feeds.Count, StringComparer.Ordinal);
            try
            {
                foreach (var (name, array) in feeds)
                {
                    inputs.Add(name, OrtValue.CreateTensorValueFromMemory(array.Type, array.Data, [.. array.Dims]));
                }

                outputs ??= session.OutputNames;
                using var values = session.Run(inputs, outputs, cancellationToken: cancellationToken);
                var results = new Dictionary<string, NdArray>(outputs.Count, StringComparer.Ordinal);
                for (var i = 0; i < outputs.Count; i++)
                {
                    results[outputs[i]] = new NdArray(values[i].ElementType, values[i].Shape, values[i].GetTensorDataAsSpan<byte>().ToArray());
                }

                return results;
            }
            finally
            {
                foreach (var value in inputs.Values)
                {
                    value.Dispose();
                }
            }
        }

        public void Dispose() => session.Dispose();

        private static FunctionValue[] Describe(IReadOnlyList<string> names, IReadOnlyDictionary<string, NodeMetadata> metadata, string modelPath) =>
            [.. names.Select(name => Describe(name, metadata[name], modelPath))];

        private static FunctionValue Describe(string name, NodeMetadata metadata, string modelPath)
        {
            if (!metadata.IsTensor || metadata.ElementType == DataType.String)
            {
                throw new CompressToolException(OnnxErrors.Unsupported, $"'{name}' of the model '{modelPath}' is {metadata}; only tensors of numbers are supported as inputs and outputs.");
            }

            var dims = metadata.Dimensions.Zip(metadata.SymbolicDimensions, (size, symbol) => size >= 0 ? new Dim(size) : symbol.Length > 0 ? new Dim(symbol) : Dim.Unknown);
            return new FunctionValue(name, new TensorType(metadata.ElementType, metadata.HasShape ? new Shape([.. dims]) : null));
        }
    }
}
