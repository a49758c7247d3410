using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Import;

/// <summary>Small files that are read whole.</summary>
internal static class TextFile
{
    /// <summary>The bytes of a file, without a byte-order mark.</summary>
    /// <exception cref="CompressToolException">It does not exist (CMP2001) or cannot be read (CMP2009).</exception>
    public static byte[] Read(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            return bytes is [0xEF, 0xBB, 0xBF, ..] ? bytes[3..] : bytes;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CompressToolException(OnnxErrors.FileNotFound, $"the file '{path}' does not exist", inner: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CompressToolException(OnnxErrors.ReadFailed, $"the file '{path}' cannot be read: {e.Message}", inner: e);
        }
    }
}
