using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>Paths given by the user.</summary>
public static class FilePath
{
    /// <summary>The full path.</summary>
    /// <exception cref="CompressToolException">It is empty or has characters that no path can have.</exception>
    public static string Full(string path)
    {
        try
        {
            return Path.GetFullPath(path);
        }
        catch (ArgumentException e)
        {
            throw new CompressToolException(OnnxErrors.FileNotFound, $"'{path.Replace('\0', '?')}' is not a path", inner: e);
        }
    }
}
