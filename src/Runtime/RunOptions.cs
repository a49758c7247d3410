using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <summary>Options of one run, or of several with the same wishes.</summary>
public sealed unsafe class RunOptions : IDisposable
{
    /// <summary>Creates options with ONNX Runtime's defaults.</summary>
    public RunOptions()
    {
        nint pointer;
        OrtStatus.Check(OrtLibrary.Api->CreateRunOptions(&pointer), "Creating run options");
        Handle = new OrtHandle(pointer, OrtLibrary.Api->ReleaseRunOptions);
    }

    /// <summary>
    /// Set to true, from any thread, to end the runs that use these options before their next node; runs started
    /// meanwhile end at once. A run takes a cancellation token too, which does this.
    /// </summary>
    public bool Terminate
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            OrtStatus.Check(value ? OrtLibrary.Api->RunOptionsSetTerminate(options.Pointer) : OrtLibrary.Api->RunOptionsUnsetTerminate(options.Pointer), "Terminating a run");
            field = value;
        }
    }

    /// <summary>The id that log messages of the run carry.</summary>
    public string LogId
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            using var text = new NativeText(value);
            OrtStatus.Check(OrtLibrary.Api->RunOptionsSetRunTag(options.Pointer, text.Pointer), "Setting the log id");
            field = value;
        }
    } = "";

    /// <summary>The least severe level the run logs; null (the default) for the environment's.</summary>
    public OrtLoggingLevel? LogSeverityLevel
    {
        get;
        set
        {
            using var options = Handle.Acquire();
            OrtStatus.Check(OrtLibrary.Api->RunOptionsSetRunLogSeverityLevel(options.Pointer, value is { } level ? (int)level : -1), "Setting the log level");
            field = value;
        }
    }

    internal OrtHandle Handle { get; }

    /// <summary>Sets one of ONNX Runtime's named run options, e.g. <c>memory.enable_memory_arena_shrinkage</c>.</summary>
    public void AddRunConfigEntry(string key, string value)
    {
        using var options = Handle.Acquire();
        using var nativeKey = new NativeText(key);
        using var nativeValue = new NativeText(value);
        OrtStatus.Check(OrtLibrary.Api->AddRunConfigEntry(options.Pointer, nativeKey.Pointer, nativeValue.Pointer), $"Setting the run option '{key}'");
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();
}
