using System.Runtime.InteropServices;
using CompressTool.Runtime.Native;

namespace CompressTool.Runtime;

/// <summary>
/// ONNX Runtime's environment: one per process, made on first use, never torn down (sessions and ONNX Runtime's own
/// threads may use it up to the end of the process).
/// </summary>
public sealed unsafe class OrtEnvironment
{
    private static readonly Lock s_lock = new();
    private static OrtEnvironment? s_instance;
    private static NativeLibrarySearch s_search = new() { EnvironmentValue = Environment.GetEnvironmentVariable(NativeLibraryLocator.EnvironmentVariable) };
    private readonly nint _pointer;
    private OrtLoggingLevel _logLevel = OrtLoggingLevel.Warning;

    private OrtEnvironment()
    {
        var api = OrtLibrary.Api;
        using var logId = new NativeText("compresstool");
        nint pointer;
        OrtStatus.Check(api->CreateEnvWithCustomLogger(&OnMessage, 0, _logLevel, logId.Pointer, &pointer), "Starting ONNX Runtime");
        OrtStatus.Check(api->DisableTelemetryEvents(pointer), "Starting ONNX Runtime");
        _pointer = pointer;
    }

    /// <summary>The environment of this process.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The native library is missing or cannot be used.</exception>
    public static OrtEnvironment Instance
    {
        get
        {
            if (Volatile.Read(ref s_instance) is { } instance)
            {
                return instance;
            }

            lock (s_lock)
            {
                return s_instance ??= new OrtEnvironment();
            }
        }
    }

    /// <summary>The native library to use: a file or a folder; null to search. Set before first use.</summary>
    /// <exception cref="InvalidOperationException">Set after a library was loaded: a process uses one.</exception>
    public static string? LibraryPath
    {
        get => s_search.Given;
        set => Search = s_search with { Given = value };
    }

    /// <summary>The library that the consumer app ships with, see <see cref="ProjectAssets.FindOnnxRuntime"/>; null for none. Set before first use.</summary>
    /// <exception cref="InvalidOperationException">Set after a library was loaded: a process uses one.</exception>
    public static NativeLibraryLocation? ConsumerLibrary
    {
        get => s_search.Consumer;
        set => Search = s_search with { Consumer = value };
    }

    /// <summary>Receives ONNX Runtime's log messages, from any thread; null (the default) drops them. Must not throw.</summary>
    public static Action<OrtLogMessage>? Logger { get; set; }

    /// <summary>The library in use, which is loaded if need be.</summary>
    public static NativeLibraryLocation Library => OrtLibrary.Current.Location;

    /// <summary>The version of the library in use, e.g. <c>1.30.0</c>.</summary>
    public static string Version => OrtLibrary.Current.Version;

    /// <summary>How the library was built, in its own words.</summary>
    public static string BuildInfo => NativeText.Read(OrtLibrary.Api->GetBuildInfoString());

    /// <summary>The execution providers the library was built with, the preferred one first, e.g. <c>CPUExecutionProvider</c>.</summary>
    public static IReadOnlyList<string> AvailableProviders
    {
        get
        {
            var api = OrtLibrary.Api;
            byte** names;
            int count;
            OrtStatus.Check(api->GetAvailableProviders(&names, &count), "Listing the execution providers");
            var providers = new string[count];
            for (var i = 0; i < count; i++)
            {
                providers[i] = NativeText.Read(names[i]);
            }

            OrtStatus.Check(api->ReleaseAvailableProviders(names, count), "Listing the execution providers");
            return providers;
        }
    }

    /// <summary>The least severe level that reaches <see cref="Logger"/>; warnings by default.</summary>
    public OrtLoggingLevel LogLevel
    {
        get => _logLevel;
        set
        {
            OrtStatus.Check(OrtLibrary.Api->UpdateEnvWithCustomLogLevel(_pointer, value), "Setting the log level");
            _logLevel = value;
        }
    }

    internal nint Pointer => _pointer;

    internal static NativeLibrarySearch Search
    {
        get => s_search;
        private set
        {
            if (value != s_search && OrtLibrary.IsLoaded)
            {
                throw new InvalidOperationException("The native library is already loaded; its place must be set before ONNX Runtime is first used.");
            }

            s_search = value;
        }
    }

    [UnmanagedCallersOnly]
    private static void OnMessage(nint parameter, OrtLoggingLevel level, byte* category, byte* logId, byte* location, byte* message)
    {
        try
        {
            Logger?.Invoke(new OrtLogMessage(level, NativeText.Read(category), NativeText.Read(logId), NativeText.Read(location), NativeText.Read(message)));
        }
#pragma warning disable CA1031 // An exception must not unwind through native frames; a logger that fails loses its message
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }
}
