using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>Keeps external data inside the model's folder: a model from elsewhere must not read other files of the machine.</summary>
internal static class ExternalDataPath
{
    /// <summary>Links that lead to links are followed this far, as Linux does.</summary>
    private const int MaxLinks = 40;

    /// <summary>
    /// The full path of a location, which must stay in the model's folder. Links are followed and must stay in it too, or in the
    /// folder that the model file itself is linked from, as in download caches.
    /// </summary>
    /// <exception cref="CompressToolException">It does not stay there.</exception>
    public static string Resolve(string modelPath, string location, string tensor)
    {
        var folder = Path.GetDirectoryName(modelPath)!;
        CompressToolException Outside(string why) => new(OnnxErrors.ExternalDataOutside,
            $"the tensor '{tensor}' is stored in '{location.Replace('\0', '?')}', {why}; save the model with its weights in its own folder");

        // A drive or another special name on Windows; refused everywhere, so that a model is valid everywhere or nowhere.
        if (Path.IsPathRooted(location) || location.StartsWith('\\') || location.Contains(':') || location.Contains('\0'))
        {
            throw Outside("which is not a relative path");
        }

        // Both separators mean a folder, whatever the machine the model was made on.
        var path = Path.GetFullPath(Path.Combine(folder, location.Replace('\\', '/')));
        if (!IsInside(folder, path))
        {
            throw Outside("which is outside the model's folder");
        }

        try
        {
            var target = RealPath(path);
            if (!IsInside(RealPath(folder), target) && !IsInside(Path.GetDirectoryName(RealPath(modelPath))!, target))
            {
                throw Outside($"which is a link to '{target}' outside the model's folder");
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // Nothing is there; opening it says so.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CompressToolException(OnnxErrors.ReadFailed, $"the file '{path}' cannot be read: {e.Message}", inner: e);
        }

        return path;
    }

    private static bool IsInside(string folder, string path) =>
        path.StartsWith(folder.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar,
            OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

    /// <summary>The path of an existing file or folder with all links on the way followed.</summary>
    private static string RealPath(string path)
    {
        var links = 0;
        return RealPath(path, ref links);
    }

    private static string RealPath(string path, ref int links)
    {
        if (Path.GetDirectoryName(path) is not { } parent)
        {
            return path;
        }

        // The parent first: a relative link counts from the real folder it is in.
        var here = Path.Combine(RealPath(parent, ref links), Path.GetFileName(path));
        FileSystemInfo info = Directory.Exists(here) ? new DirectoryInfo(here) : new FileInfo(here);
        if (info.ResolveLinkTarget(returnFinalTarget: false) is not { } target)
        {
            return here;
        }

        return ++links <= MaxLinks ? RealPath(target.FullName, ref links) : throw new IOException("it is a link to a link to a link, and so on");
    }
}
