using System.Globalization;
using System.Runtime.InteropServices;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Runtime.Native;

/// <summary>The native library of this process: loaded once, never unloaded (its threads may outlive any point where we could).</summary>
internal sealed unsafe class OrtLibrary
{
    /// <summary>The API version the binding asks for: ONNX Runtime 1.17.</summary>
    public const int RequiredApiVersion = 17;

    /// <summary>The newest API version whose functions are in <see cref="OrtApi"/>.</summary>
    public const int KnownApiVersion = 29;

    private static readonly Lock s_lock = new();
    private static OrtLibrary? s_current;
    private static OrtApi* s_api;

    private OrtLibrary(NativeLibraryLocation location, OrtApi* api, string version, int apiVersion)
    {
        Location = location;
        Table = api;
        Version = version;
        ApiVersion = apiVersion;
    }

    /// <summary>The function table of the process's library, which is loaded on first use.</summary>
    public static OrtApi* Api
    {
        get
        {
            if (s_api == null)
            {
                s_api = Current.Table;
            }

            return s_api;
        }
    }

    /// <summary>The process's library, loaded on first use. A failure is not remembered: the next use searches again.</summary>
    public static OrtLibrary Current
    {
        get
        {
            if (Volatile.Read(ref s_current) is { } current)
            {
                return current;
            }

            lock (s_lock)
            {
                return s_current ??= Load(NativeLibraryLocator.Locate(OrtEnvironment.Search));
            }
        }
    }

    /// <summary>True once the library is loaded and its place can no longer be chosen.</summary>
    public static bool IsLoaded => Volatile.Read(ref s_current) is not null;

    public NativeLibraryLocation Location { get; }

    public OrtApi* Table { get; }

    /// <summary>The library's version, e.g. <c>1.30.0</c>.</summary>
    public string Version { get; }

    /// <summary>The version of the function table in use; functions of newer versions must not be called.</summary>
    public int ApiVersion { get; }

    /// <summary>Loads a library and takes its function table.</summary>
    /// <exception cref="CompressToolException">It cannot be loaded, is not ONNX Runtime, or is too old.</exception>
    public static OrtLibrary Load(NativeLibraryLocation location)
    {
        if (!Environment.Is64BitProcess)
        {
            throw new CompressToolException(RuntimeErrors.PlatformNotSupported, "ONNX Runtime is bound for 64-bit processes only. Run the 64-bit .NET host.");
        }

        nint module;
        try
        {
            module = location.Origin == NativeLibraryOrigin.System
                ? NativeLibrary.Load(location.Path, typeof(OrtLibrary).Assembly, null)
                : NativeLibrary.Load(location.Path);
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            throw location.Origin == NativeLibraryOrigin.System
                ? NativeLibraryLocator.NotFound(OrtEnvironment.Search, exception)
                : new CompressToolException(RuntimeErrors.LibraryInvalid, $"The library '{location.Path}' ({location.Reason}) cannot be loaded: {exception.Message}", inner: exception);
        }

        if (!NativeLibrary.TryGetExport(module, "OrtGetApiBase", out var entry))
        {
            NativeLibrary.Free(module);
            throw new CompressToolException(RuntimeErrors.LibraryInvalid, $"The library '{location.Path}' ({location.Reason}) is not ONNX Runtime: it has no function OrtGetApiBase.");
        }

        return Bind(((delegate* unmanaged<OrtApiBase*>)entry)(), location);
    }

    /// <summary>Takes the function table of a loaded library.</summary>
    public static OrtLibrary Bind(OrtApiBase* apiBase, NativeLibraryLocation location)
    {
        var version = NativeText.Read(apiBase->GetVersionString());

        // The API version is the minor version of the library. A library answers a request for a newer API than its own
        // with a line on stderr, so it is asked for exactly what it has.
        var parts = version.Split('.');
        var minor = parts.Length > 1 && parts[0] == "1" && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : RequiredApiVersion;
        var apiVersion = Math.Clamp(minor, RequiredApiVersion, KnownApiVersion);
        var api = apiBase->GetApi((uint)apiVersion);
        return api == null
            ? throw new CompressToolException(RuntimeErrors.LibraryTooOld, $"The library '{location.Path}' ({location.Reason}) is ONNX Runtime {version}; 1.{RequiredApiVersion} or newer is needed.")
            : new OrtLibrary(location, api, version, apiVersion);
    }

    /// <summary>Throws when the library does not have a function of a newer API version.</summary>
    public static void Require(int apiVersion, string feature)
    {
        var library = Current;
        if (library.ApiVersion < apiVersion)
        {
            throw new CompressToolException(RuntimeErrors.FeatureNotAvailable,
                $"{feature} needs ONNX Runtime 1.{apiVersion} or newer; the library in use ({library.Location.Reason}) is {library.Version}.");
        }
    }
}
