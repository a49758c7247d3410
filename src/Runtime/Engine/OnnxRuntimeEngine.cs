using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Runtime.Engine;

/// <summary>ONNX Runtime as an engine.</summary>
public sealed class OnnxRuntimeEngine : IEngine
{
    /// <summary>Larger models keep their weights in files, which the session maps: a model in one block can have 2 GiB and would be in memory twice.</summary>
    internal long MaxBytesInMemory { get; init; } = 256 << 20;

    /// <inheritdoc/>
    public string Name => "onnxruntime";

    /// <inheritdoc/>
    public string Version => OrtEnvironment.Version;

    /// <inheritdoc/>
    public IReadOnlyList<string> Providers => OrtEnvironment.AvailableProviders;

    /// <inheritdoc/>
    public ICompiledFunction Compile(string modelPath, EngineOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var sessionOptions = ToSessionOptions(options ?? new EngineOptions());
        return Describe(new InferenceSession(modelPath, sessionOptions, cancellationToken), modelPath, OnHost(options));
    }

    /// <inheritdoc/>
    public ICompiledFunction Compile(Model model, EngineOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var sessionOptions = ToSessionOptions(options ?? new EngineOptions());
        if (model.Graph.Initializers.Sum(value => value.Initializer!.ByteLength) <= MaxBytesInMemory)
        {
            return Describe(new InferenceSession(model.ToBytes(), sessionOptions, cancellationToken), model.Graph.Name, OnHost(options));
        }

        var folder = Directory.CreateTempSubdirectory("compresstool-");
        var isLeft = false;
        try
        {
            // All paths below the root of the drive may be referred to, and so the files that the model was loaded from.
            var root = Path.GetPathRoot(folder.FullName)!;
            var bytes = model.ToBytes(root, Path.Combine(folder.FullName, "weights"), cancellationToken);
            sessionOptions.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", root);
            var function = Describe(new InferenceSession(bytes, sessionOptions, cancellationToken), model.Graph.Name, OnHost(options));

            // Windows keeps a file while it is mapped.
            isLeft = OperatingSystem.IsWindows();
            function.Folder = isLeft ? folder : null;
            return function;
        }
        finally
        {
            if (!isLeft)
            {
                TryDelete(folder);
            }
        }
    }

    /// <inheritdoc/>
    public IDeviceMemory OpenDeviceMemory(EngineOptions? options = null)
    {
        options = (options ?? new EngineOptions()) with { ProfilePath = null };
        return new OrtDeviceMemory(options.Providers is [var first, ..] ? first : null, model =>
        {
            using var sessionOptions = ToSessionOptions(options);
            return new InferenceSession(model.ToBytes(), sessionOptions);
        });
    }

    private static void TryDelete(DirectoryInfo folder)
    {
        try
        {
            folder.Delete(recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Something else looks at it, such as a scanner; what is left in the system's temporary folder is no error.
        }
    }

    private static bool OnHost(EngineOptions? options) => options is null || options.Providers.Count == 0;

    private static SessionOptions ToSessionOptions(EngineOptions options)
    {
        var result = new SessionOptions
        {
            IntraOpNumThreads = options.Threads,
            GraphOptimizationLevel = !options.Optimize ? GraphOptimizationLevel.DisableAll : options.SaveMemory ? GraphOptimizationLevel.Extended : GraphOptimizationLevel.All,
            DeterministicCompute = options.Deterministic,
            EnableMemoryPattern = options.PlanMemory && !options.SaveMemory,
            EnableCpuMemArena = !options.SaveMemory,
            ProfileOutputPathPrefix = options.ProfilePath,
        };
        try
        {
            if (!options.FuseQuantization)
            {
                result.AddSessionConfigEntry("session.disable_quant_qdq", "1");
            }

            if (options.SaveMemory)
            {
                // Convolutions keep their layout at this level of optimization, which would be another copy.
                result.AddSessionConfigEntry("session.disable_prepacking", "1");
            }

            result.AddCustomOperators(options.CustomOperators);
            foreach (var provider in options.Providers)
            {
                result.AppendExecutionProvider(provider.Name, provider.Options);
            }

            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    private static Function Describe(InferenceSession session, string modelName, bool onHost)
    {
        try
        {
            return new Function(session, modelName, onHost);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private sealed class Function(InferenceSession session, string modelPath, bool onHost) : ICompiledFunction
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

        public long? PeakBytes
        {
            get
            {
                using var allocator = onHost ? new OrtAllocator(session, OrtMemoryInfo.Cpu) : null;
                return allocator?.MaxBytesInUse;
            }
        }

        public IFunctionBinding Bind() => new OnnxRuntimeBinding(session, onHost);

        /// <summary>A folder with weights of its own, which goes with it.</summary>
        public DirectoryInfo? Folder { private get; set; }

        public void Dispose()
        {
            session.Dispose();
            if (Folder is { } folder)
            {
                Folder = null;
                TryDelete(folder);
            }
        }

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
