using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Recipes.Store;

/// <summary>Tells a full disk from other input-output errors.</summary>
internal static class DiskErrors
{
    private const int UnixNoSpace = 28;
    private const int UnixQuota = 122;
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    /// <summary>True when the error, or a cause of it, is a full disk or an exceeded quota.</summary>
    public static bool IsFull(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
        {
            if (error is IOException && error.HResult is WindowsDiskFull or WindowsHandleDiskFull or UnixNoSpace or UnixQuota)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The error for the user.</summary>
    public static CompressToolException Full(string path, Exception cause) =>
        new(StoreErrors.DiskFull, $"the disk is full: '{path}' could not be written; free some space (also: dotnet compress cache clean) and run again", inner: cause);
}
