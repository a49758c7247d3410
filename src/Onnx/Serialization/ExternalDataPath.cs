using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>Keeps external data inside the model's folder: a model from elsewhere must not read other files of the machine.</summary>
internal static class ExternalDataPath
{
    /// <summary>The full path of a location, which must stay in the model's folder, also when it is a symbolic link.</summary>
    public static string Resolve(string modelPath, string location, string tensor)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!;
        CompressToolException Outside(string why) => new(OnnxErrors.ExternalDataOutside,
            $"the tensor '{tensor}' is stored in '{location}', {why}; save the model with its weights in its own folder");

        if (Path.IsPathRooted(location) || location.Contains(':') || location.Contains('\0'))
        {
            throw Outside("which is not a relative path");
        }

        // Both separators mean a folder, whatever the machine the model was made on.
        var path = Path.GetFullPath(Path.Combine(folder, location.Replace('\\', '/')));
        if (!IsInside(folder, path))
        {
            throw Outside("which is outside the model's folder");
        }

        if (RealPath(path) is { } target && !IsInside(RealPath(folder) ?? folder, target))
        {
            throw Outside($"which is a link to '{target}' outside the model's folder");
        }

        return path;
    }

    private static bool IsInside(string folder, string path) =>
        path.StartsWith(folder.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar,
            OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

    /// <summary>The path with all links on the way resolved; null when it does not exist.</summary>
    private static string? RealPath(string path)
    {
        if (!Path.Exists(path))
        {
            return null;
        }

        var parent = Path.GetDirectoryName(path);
        if (parent is null)
        {
            return path;
        }

        FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
        return info.ResolveLinkTarget(returnFinalTarget: true) is { } target
            ? RealPath(target.FullName)
            : RealPath(parent) is { } realParent ? Path.Combine(realParent, Path.GetFileName(path)) : null;
    }
}
