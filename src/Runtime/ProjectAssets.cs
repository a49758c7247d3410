using System.Text.Json;

namespace CompressTool.Runtime;

/// <summary>Finds the native ONNX Runtime library that an app ships with.</summary>
public static class ProjectAssets
{
    /// <summary>
    /// The library of the ONNX Runtime package that a project references, directly or not, from the file that NuGet's
    /// restore writes (<c>obj/project.assets.json</c>).
    /// </summary>
    /// <param name="assetsFile">Path of the file.</param>
    /// <returns>The library for this system; null when the file does not exist or is unreadable, or no package with such a library is restored.</returns>
    public static NativeLibraryLocation? FindOnnxRuntime(string assetsFile)
    {
        if (!File.Exists(assetsFile))
        {
            return null;
        }

        try
        {
            using var stream = File.OpenRead(assetsFile);
            using var document = JsonDocument.Parse(stream);
            var root = document.RootElement;
            var folders = root.GetProperty("packageFolders").EnumerateObject().Select(folder => folder.Name).ToArray();

            // Several flavours may be present (the GPU package is made of one per system): the newest that holds a
            // library for this system, by id where versions are equal, so that the choice never varies.
            return root.GetProperty("libraries").EnumerateObject()
                .Select(library => (Library: library, Id: library.Name.Split('/')[0], Version: library.Name.Split('/')[^1]))
                .Where(library => IsCarrier(library.Id))
                .OrderByDescending(library => ParseVersion(library.Version)).ThenBy(library => library.Id, StringComparer.OrdinalIgnoreCase)
                .Select(library => FindFile(library.Library.Value, folders) is { } path
                    ? new NativeLibraryLocation(path, NativeLibraryOrigin.Consumer, $"{library.Id} {library.Version}")
                    : null)
                .FirstOrDefault(location => location is not null);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            // The file belongs to NuGet: what is wrong with it is reported by the restore, not here.
            return null;
        }
    }

    private static bool IsCarrier(string id) =>
        id.StartsWith("Microsoft.ML.OnnxRuntime", StringComparison.OrdinalIgnoreCase) || id.Equals("CompressTool.Runtime", StringComparison.OrdinalIgnoreCase);

    private static Version ParseVersion(string version) => Version.TryParse(version.Split('-', '+')[0], out var parsed) ? parsed : new Version(0, 0);

    private static string? FindFile(JsonElement library, string[] folders)
    {
        if (!library.TryGetProperty("path", out var path) || path.GetString() is not { } relative)
        {
            return null;
        }

        return folders
            .SelectMany(folder => NativeLibraryLocator.RidFolders(Path.Combine(folder, relative)))
            .Select(NativeLibraryLocator.FindIn)
            .FirstOrDefault(found => found is not null);
    }
}
