using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <summary>
/// A model, loaded and ready to run. Runs may happen on several threads at once.
/// </summary>
/// <remarks>Errors: a <see cref="CompressToolException"/> with a code of <see cref="RuntimeErrors"/>; an <see cref="OnnxRuntimeException"/> where ONNX Runtime reported it.</remarks>
public sealed unsafe partial class InferenceSession : IDisposable
{
    private readonly NativeNames _inputs;
    private readonly NativeNames _outputs;
    private RunOptions? _spareRunOptions;

    /// <summary>Loads a model from a file.</summary>
    /// <param name="modelPath">The .onnx file; weight files are looked for beside it.</param>
    /// <param name="options">Options; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the loading (with ONNX Runtime 1.22 or newer). It ends all loading with the same options.</param>
    /// <exception cref="CompressToolException">The file does not exist, or ONNX Runtime refuses the model.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public InferenceSession(string modelPath, SessionOptions? options = null, CancellationToken cancellationToken = default)
    {
        var path = Path.GetFullPath(modelPath);
        if (!File.Exists(path))
        {
            throw new CompressToolException(OnnxErrors.FileNotFound, $"The model '{path}' does not exist.");
        }

        Handle = Load(options, $"Loading the model '{path}'", (environment, sessionOptions, session) =>
        {
            using var nativePath = new NativePath(path);
            return OrtLibrary.Api->CreateSession(environment, nativePath.Pointer, sessionOptions, (nint*)session);
        }, cancellationToken);
        (_inputs, _outputs) = ReadNames();
    }

    /// <summary>Loads a model from memory, which is not needed afterwards.</summary>
    /// <param name="model">The bytes of an .onnx file.</param>
    /// <param name="options">Options; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the loading (with ONNX Runtime 1.22 or newer). It ends all loading with the same options.</param>
    /// <inheritdoc cref="InferenceSession(string, SessionOptions?, CancellationToken)"/>
    public InferenceSession(ReadOnlyMemory<byte> model, SessionOptions? options = null, CancellationToken cancellationToken = default)
    {
        Handle = Load(options, "Loading the model", (environment, sessionOptions, session) =>
        {
            using var pin = model.Pin();
            return OrtLibrary.Api->CreateSessionFromArray(environment, pin.Pointer, (nuint)model.Length, sessionOptions, (nint*)session);
        }, cancellationToken);
        (_inputs, _outputs) = ReadNames();
    }

    private delegate nint LoadFunction(nint environment, nint options, nint session);

    internal OrtHandle Handle { get; }

    /// <summary>Creates a binding for this session.</summary>
    public OrtIoBinding CreateIoBinding() => new(this);

    /// <summary>Ends profiling and finishes the file, whose path it returns; see <see cref="SessionOptions.ProfileOutputPathPrefix"/>.</summary>
    public string EndProfiling()
    {
        using var session = Handle.Acquire();
        using var allocator = OrtAllocator.Default.Handle.Acquire();
        byte* path;
        OrtStatus.Check(OrtLibrary.Api->SessionEndProfiling(session.Pointer, allocator.Pointer, &path), "Finishing the profile");
        return OrtAllocator.Default.TakeText(path);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Handle.Dispose();
        Interlocked.Exchange(ref _spareRunOptions, null)?.Dispose();
    }

    private static OrtHandle Load(SessionOptions? options, string what, LoadFunction load, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var environment = OrtEnvironment.Instance.Pointer;
        using var ownOptions = options is null ? new SessionOptions() : null;
        options ??= ownOptions!;
        using var optionsLease = options.Handle.Acquire();
        nint session;
        nint status;
        using (options.CancelLoadingOn(cancellationToken))
        using (options.HasCustomOperators ? CustomOperatorDomain.EnterFirstLoad() : null)
        {
            status = load(environment, optionsLease.Pointer, (nint)(&session));
        }

        if (status != 0)
        {
            var exception = OrtStatus.ToException(status, what, RuntimeErrors.ModelRefused);
            throw cancellationToken.IsCancellationRequested && exception.Status == OrtErrorCode.ModelLoadCanceled
                ? new OperationCanceledException(exception.Message, exception, cancellationToken)
                : exception;
        }

        var handle = new OrtHandle(session, OrtLibrary.Api->ReleaseSession);
        foreach (var kept in options.KeptBySession)
        {
            handle.Keep(kept);
        }

        return handle;
    }
}
