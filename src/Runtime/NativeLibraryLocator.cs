using System.Runtime.InteropServices;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Runtime;

/// <summary>Which rule chose the native library.</summary>
public enum NativeLibraryOrigin
{
    /// <summary>Given explicitly.</summary>
    Given,
    /// <summary>Named by the environment variable.</summary>
    EnvironmentVariable,
    /// <summary>Belongs to a package that the consumer app references.</summary>
    Consumer,
    /// <summary>Lies beside the program.</summary>
    Bundled,
    /// <summary>Found by the system's loader.</summary>
    System,
}

/// <summary>A native library and why it was chosen.</summary>
/// <param name="Path">Full path; for <see cref="NativeLibraryOrigin.System"/> the bare name.</param>
/// <param name="Origin">The rule.</param>
/// <param name="Package">Id and version of the package it belongs to; null when unknown.</param>
public sealed record NativeLibraryLocation(string Path, NativeLibraryOrigin Origin, string? Package = null)
{
    /// <summary>The reason in words, e.g. <c>bundled</c>.</summary>
    public string Reason => Origin switch
    {
        NativeLibraryOrigin.Given => "given by --onnxruntime",
        NativeLibraryOrigin.EnvironmentVariable => $"given by the environment variable {NativeLibraryLocator.EnvironmentVariable}",
        NativeLibraryOrigin.Consumer => Package is null ? "referenced by the app" : $"referenced by the app: {Package}",
        NativeLibraryOrigin.Bundled => "bundled",
        _ => "found by the system",
    };
}

/// <summary>Where to look for the native library.</summary>
public sealed record NativeLibrarySearch
{
    /// <summary>An explicit file or folder; nothing else is tried when it is given.</summary>
    public string? Given { get; init; }

    /// <summary>The value of <see cref="NativeLibraryLocator.EnvironmentVariable"/>: a file or folder.</summary>
    public string? EnvironmentValue { get; init; }

    /// <summary>The library of the consumer app, see <see cref="ProjectAssets.FindOnnxRuntime"/>.</summary>
    public NativeLibraryLocation? Consumer { get; init; }

    /// <summary>The program's folder.</summary>
    public string BaseDirectory { get; init; } = AppContext.BaseDirectory;

    /// <summary>Folders where the .NET host looks for native libraries of packages.</summary>
    public IReadOnlyList<string> HostDirectories { get; init; } =
        (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string)?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) ?? [];
}

/// <summary>
/// Decides which native ONNX Runtime library a process uses. In order: the one given explicitly, the one named by the
/// environment variable, the one the consumer app ships with, the one bundled with the program, the system's.
/// </summary>
public static class NativeLibraryLocator
{
    /// <summary>The environment variable that names a library file, or a folder that holds one.</summary>
    public const string EnvironmentVariable = "COMPRESS_ONNXRUNTIME";

    /// <summary>The name the system's loader is asked for when no file was found.</summary>
    internal const string SystemName = "onnxruntime";

    /// <summary>The runtime identifier of this process in its plain form, e.g. <c>linux-x64</c>.</summary>
    public static string PortableRid { get; } =
        (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux") + "-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    /// <summary>The names the library goes by on this system, the preferred one first; <c>*</c> stands for a full version.</summary>
    public static IReadOnlyList<string> FileNames { get; } =
        OperatingSystem.IsWindows() ? ["onnxruntime.dll"]
        : OperatingSystem.IsMacOS() ? ["libonnxruntime.1.dylib", "libonnxruntime.dylib", "libonnxruntime.*.dylib"]
        : ["libonnxruntime.so.1", "libonnxruntime.so", "libonnxruntime.so.*"];

    /// <summary>Chooses the library; does not load it.</summary>
    /// <exception cref="CompressToolException">A place that was given explicitly, or by the app, does not hold the library.</exception>
    public static NativeLibraryLocation Locate(NativeLibrarySearch search)
    {
        if (!string.IsNullOrEmpty(search.Given))
        {
            return new NativeLibraryLocation(FileOrFolder(search.Given, "given by --onnxruntime"), NativeLibraryOrigin.Given);
        }

        if (!string.IsNullOrEmpty(search.EnvironmentValue))
        {
            return new NativeLibraryLocation(FileOrFolder(search.EnvironmentValue, $"given by the environment variable {EnvironmentVariable}"), NativeLibraryOrigin.EnvironmentVariable);
        }

        if (search.Consumer is { } consumer)
        {
            return consumer with { Path = FileOrFolder(consumer.Path, consumer.Reason) };
        }

        foreach (var folder in BundledFolders(search))
        {
            if (FindIn(folder) is { } path)
            {
                return new NativeLibraryLocation(path, NativeLibraryOrigin.Bundled);
            }
        }

        return new NativeLibraryLocation(SystemName, NativeLibraryOrigin.System);
    }

    /// <summary>The library in a folder; null when there is none.</summary>
    internal static string? FindIn(string folder) =>
        Directory.Exists(folder) ? FileNames.Select(name => Directory.EnumerateFiles(folder, name).Max(StringComparer.Ordinal)).FirstOrDefault(path => path is not null) : null;

    /// <summary>The folders below a package or program that hold native libraries for this process.</summary>
    internal static IEnumerable<string> RidFolders(string root) =>
        new[] { RuntimeInformation.RuntimeIdentifier, PortableRid }.Distinct().Select(rid => Path.Combine(root, "runtimes", rid, "native"));

    /// <summary>The error for a library that is nowhere.</summary>
    internal static CompressToolException NotFound(NativeLibrarySearch search, Exception inner) =>
        new(RuntimeErrors.LibraryNotFound,
            $"The native ONNX Runtime library ({string.Join(" or ", FileNames)}) was found neither in '{string.Join("', '", BundledFolders(search))}' nor by the system's loader. " +
            $"Give its path with --onnxruntime or the environment variable {EnvironmentVariable}.", inner: inner);

    private static IEnumerable<string> BundledFolders(NativeLibrarySearch search) =>
        RidFolders(search.BaseDirectory).Concat(search.HostDirectories).Append(search.BaseDirectory).DistinctBy(Path.TrimEndingDirectorySeparator);

    private static string FileOrFolder(string path, string reason)
    {
        var full = Path.GetFullPath(path);
        if (File.Exists(full))
        {
            return full;
        }

        if (!Directory.Exists(full))
        {
            throw new CompressToolException(RuntimeErrors.LibraryNotFound, $"The native ONNX Runtime library '{full}' ({reason}) does not exist.");
        }

        return FindIn(full) ?? RidFolders(full).Select(FindIn).FirstOrDefault(found => found is not null)
            ?? throw new CompressToolException(RuntimeErrors.LibraryNotFound,
                $"The folder '{full}' ({reason}) holds no ONNX Runtime library: there is no {string.Join(" or ", FileNames)} in it or in its runtimes/{PortableRid}/native.");
    }
}
