using System.Buffers;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <summary>How a session loads and runs a model. Not safe for concurrent changes; may be reused for several sessions.</summary>
public sealed unsafe partial class SessionOptions : IDisposable
{
    private readonly List<OrtHandle> _keptBySession = [];

    /// <summary>Creates options with ONNX Runtime's defaults: the CPU, all its cores, all optimizations.</summary>
    public SessionOptions()
    {
        // Log messages of a session go through the environment, which must therefore exist first.
        _ = OrtEnvironment.Instance;
        nint pointer;
        OrtStatus.Check(OrtLibrary.Api->CreateSessionOptions(&pointer), "Creating session options");
        Handle = new OrtHandle(pointer, OrtLibrary.Api->ReleaseSessionOptions);
    }

    /// <summary>Threads that one node may use, the calling one included; 0 (the default) for one per physical core.</summary>
    public int IntraOpNumThreads
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            using var options = Handle.Acquire();
            OrtStatus.Check(OrtLibrary.Api->SetIntraOpNumThreads(options.Pointer, value), "Setting the number of threads");
            field = value;
        }
    }

    /// <summary>Nodes that run at once in <see cref="ExecutionMode.Parallel"/>; 0 (the default) for one per physical core.</summary>
    public int InterOpNumThreads
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            using var options = Handle.Acquire();
            OrtStatus.Check(OrtLibrary.Api->SetInterOpNumThreads(options.Pointer, value), "Setting the number of threads");
            field = value;
        }
    }

    /// <summary>Graph optimizations made on load; <see cref="GraphOptimizationLevel.All"/> by default.</summary>
    public GraphOptimizationLevel GraphOptimizationLevel
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            OrtStatus.Check(OrtLibrary.Api->SetSessionGraphOptimizationLevel(options.Pointer, value), "Setting the optimization level");
            field = value;
        }
    } = GraphOptimizationLevel.All;

    /// <summary>Whether independent nodes run at once; <see cref="ExecutionMode.Sequential"/> by default.</summary>
    public ExecutionMode ExecutionMode
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            OrtStatus.Check(OrtLibrary.Api->SetSessionExecutionMode(options.Pointer, value), "Setting the execution mode");
            field = value;
        }
    }

    /// <summary>Where the optimized model is written on load; null (the default) for nowhere.</summary>
    public string? OptimizedModelFilePath
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            using var path = new NativePath(value is null ? "" : Path.GetFullPath(value));
            OrtStatus.Check(OrtLibrary.Api->SetOptimizedModelFilePath(options.Pointer, path.Pointer), "Setting the path of the optimized model");
            field = value;
        }
    }

    /// <summary>Whether the memory of a run is planned from the previous one with the same input shapes; true by default.</summary>
    public bool EnableMemoryPattern
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            OrtStatus.Check(value ? OrtLibrary.Api->EnableMemPattern(options.Pointer) : OrtLibrary.Api->DisableMemPattern(options.Pointer), "Setting the memory pattern");
            field = value;
        }
    } = true;

    /// <summary>Whether memory comes from a pool that keeps its largest size until the session ends; true by default.</summary>
    public bool EnableCpuMemArena
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            OrtStatus.Check(value ? OrtLibrary.Api->EnableCpuMemArena(options.Pointer) : OrtLibrary.Api->DisableCpuMemArena(options.Pointer), "Setting the memory arena");
            field = value;
        }
    } = true;

    /// <summary>Whether kernels that give varying results (some of the GPU's) are avoided; false by default.</summary>
    public bool DeterministicCompute
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            OrtStatus.Check(OrtLibrary.Api->SetDeterministicCompute(options.Pointer, value ? (byte)1 : (byte)0), "Setting deterministic compute");
            field = value;
        }
    }

    /// <summary>Path prefix of the profile that <see cref="InferenceSession.EndProfiling"/> finishes; null (the default) for none.</summary>
    public string? ProfileOutputPathPrefix
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            using var prefix = new NativePath(value ?? "");
            OrtStatus.Check(value is null ? OrtLibrary.Api->DisableProfiling(options.Pointer) : OrtLibrary.Api->EnableProfiling(options.Pointer, prefix.Pointer), "Setting the profile's path");
            field = value;
        }
    }

    /// <summary>The id that log messages of the session carry.</summary>
    public string LogId
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            using var text = new NativeText(value);
            OrtStatus.Check(OrtLibrary.Api->SetSessionLogId(options.Pointer, text.Pointer), "Setting the log id");
            field = value;
        }
    } = "";

    /// <summary>The least severe level the session logs; null (the default) for the environment's.</summary>
    public OrtLoggingLevel? LogSeverityLevel
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            OrtStatus.Check(OrtLibrary.Api->SetSessionLogSeverityLevel(options.Pointer, value is { } level ? (int)level : -1), "Setting the log level");
            field = value;
        }
    }

    internal OrtHandle Handle { get; }

    /// <summary>What a session uses in place, and therefore keeps: shared initializers and domains of custom operators.</summary>
    internal IReadOnlyList<OrtHandle> KeptBySession => _keptBySession;

    /// <summary>Sets one of ONNX Runtime's named session options, e.g. <c>session.intra_op.allow_spinning</c>.</summary>
    public void AddSessionConfigEntry(string key, string value)
    {
        using var options = Handle.Acquire();
        using var nativeKey = new NativeText(key);
        using var nativeValue = new NativeText(value);
        OrtStatus.Check(OrtLibrary.Api->AddSessionConfigEntry(options.Pointer, nativeKey.Pointer, nativeValue.Pointer), $"Setting the session option '{key}'");
    }

    /// <summary>Fixes a symbolic dimension, which lets the optimizer and the memory planner do more.</summary>
    /// <param name="name">The symbol, e.g. <c>batch</c>.</param>
    /// <param name="value">Its value.</param>
    public void AddFreeDimensionOverrideByName(string name, long value)
    {
        using var options = Handle.Acquire();
        using var text = new NativeText(name);
        OrtStatus.Check(OrtLibrary.Api->AddFreeDimensionOverrideByName(options.Pointer, text.Pointer, value), $"Fixing the dimension '{name}'");
    }

    /// <summary>
    /// Uses a value in place of an initializer of the model, without a copy, so that sessions can share it. The value
    /// stays alive as long as these options and every session made from them.
    /// </summary>
    public void AddInitializer(string name, OrtValue value)
    {
        using var options = Handle.Acquire();
        using var initializer = value.Handle.Acquire();
        using var text = new NativeText(name);
        OrtStatus.Check(OrtLibrary.Api->AddInitializer(options.Pointer, text.Pointer, initializer.Pointer), $"Adding the initializer '{name}'");
        Handle.Keep(value.Handle);
        _keptBySession.Add(value.Handle);
    }

    /// <summary>Whether sessions made from these options know operators that are written in C#.</summary>
    internal bool HasCustomOperators { get; private set; }

    /// <summary>Makes operators that are written in C# known to sessions made from these options. They run on the CPU.</summary>
    /// <remarks>A model that uses them imports the domain <see cref="CustomOperator.Domain"/>, version 1.</remarks>
    public void AddCustomOperators(IReadOnlyCollection<CustomOperator> operators)
    {
        if (operators.Count == 0)
        {
            return;
        }

        using var options = Handle.Acquire();
        var domain = CustomOperatorDomain.Create(operators);
        try
        {
            using var lease = domain.Acquire();
            OrtStatus.Check(OrtLibrary.Api->AddCustomOpDomain(options.Pointer, lease.Pointer), "Adding custom operators");
            Handle.Keep(domain);
        }
        finally
        {
            domain.Dispose(); // The options hold it from here on.
        }

        _keptBySession.Add(domain);
        HasCustomOperators = true;
    }

    /// <summary>
    /// Gives the data of initializers that the model keeps in external files; name, type and shape must agree. ONNX
    /// Runtime copies the data on load; the values stay alive as long as these options.
    /// </summary>
    public void AddExternalInitializers(IReadOnlyDictionary<string, OrtValue> initializers)
    {
        using var options = Handle.Acquire();
        using var names = new NativeTexts([.. initializers.Keys]);
        var handles = initializers.Values.Select(value => value.Handle).ToArray();
        foreach (var handle in handles)
        {
            Handle.Keep(handle);
        }

        fixed (nint* pointers = handles.Select(handle => handle.DangerousGetHandle()).ToArray())
        {
            OrtStatus.Check(OrtLibrary.Api->AddExternalInitializers(options.Pointer, names.Pointers, pointers, (nuint)handles.Length), "Adding external initializers");
        }
    }

    /// <summary>Gives the content of a file in which the model keeps external data. Needs ONNX Runtime 1.18.</summary>
    /// <param name="fileName">The file's location as the model names it.</param>
    /// <param name="content">The whole content; it stays pinned as long as these options, and is copied on load.</param>
    public void AddExternalInitializersFromFilesInMemory(string fileName, ReadOnlyMemory<byte> content)
    {
        var pin = content.Pin();
        try
        {
            AddExternalInitializersFromFilesInMemory(fileName, (nint)pin.Pointer, content.Length);
        }
        catch
        {
            pin.Dispose();
            throw;
        }

        Handle.Keep(pin);
    }

    /// <summary>Gives the content of a file in which the model keeps external data, e.g. a mapped one. Needs ONNX Runtime 1.18.</summary>
    /// <param name="fileName">The file's location as the model names it.</param>
    /// <param name="content">Start of the content; the caller keeps it valid until the session is made.</param>
    /// <param name="length">Length in bytes.</param>
    public void AddExternalInitializersFromFilesInMemory(string fileName, nint content, long length)
    {
        OrtLibrary.Require(18, "Loading external data from memory");
        using var options = Handle.Acquire();
        using var path = new NativePath(fileName);
        var name = path.Pointer;
        var data = (byte*)content;
        var size = (nuint)length;
        OrtStatus.Check(OrtLibrary.Api->AddExternalInitializersFromFilesInMemory(options.Pointer, &name, &data, &size, 1), $"Adding the external data file '{fileName}'");
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    /// <summary>Ends loading with these options when the token is cancelled, until the result is disposed. Needs ONNX Runtime 1.22; otherwise loading goes on.</summary>
    internal LoadCancellation CancelLoadingOn(CancellationToken token) => new(this, token);

    private void SetLoadCancellationFlag(bool cancel)
    {
        using var options = Handle.Acquire();
        OrtStatus.Check(OrtLibrary.Api->SessionOptionsSetLoadCancellationFlag(options.Pointer, cancel ? (byte)1 : (byte)0), "Cancelling the loading of a model");
    }

    internal readonly struct LoadCancellation : IDisposable
    {
        private readonly SessionOptions _options;
        private readonly CancellationTokenRegistration _registration;

        public LoadCancellation(SessionOptions options, CancellationToken token)
        {
            _options = options;
            if (token.CanBeCanceled && OrtLibrary.Current.ApiVersion >= 22)
            {
                _registration = token.UnsafeRegister(static options => ((SessionOptions)options!).SetLoadCancellationFlag(true), options);
            }
        }

        public void Dispose()
        {
            // Waits for a callback that is under way; afterwards the options are as before.
            _registration.Dispose();
            if (_registration.Token.IsCancellationRequested)
            {
                _options.SetLoadCancellationFlag(false);
            }
        }
    }
}
