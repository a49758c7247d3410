namespace CompressTool.Onnx.Serialization;

/// <summary>Git LFS leaves a short text in place of a large file until it is asked for the file.</summary>
internal static class GitLfs
{
    /// <summary>What to add to a message about a damaged file: the usual cause when it is such a text, else nothing.</summary>
    public static string Hint(MappedFile file)
    {
        var start = "version https://git-lfs"u8;
        Span<byte> bytes = stackalloc byte[start.Length];
        if (file.Length < bytes.Length)
        {
            return "";
        }

        file.Read(0, bytes);
        return bytes.SequenceEqual(start) ? "; it is a Git LFS pointer: run 'git lfs pull' to get the file itself" : "";
    }
}
