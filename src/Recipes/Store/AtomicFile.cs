using System.Text;

namespace CompressTool.Recipes.Store;

/// <summary>Writes small files so that a reader sees the old content or the new one, never a part.</summary>
public static class AtomicFile
{
    /// <summary>Writes text (UTF-8 without byte order mark) under a temporary name and renames it.</summary>
    public static void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = $"{path}.{Environment.ProcessId:x}-{Guid.NewGuid():n}.tmp";
        try
        {
            WriteThrough(temporary, text);
            File.Move(temporary, path, overwrite: true);
        }
        catch (IOException e) when (DiskErrors.IsFull(e))
        {
            throw DiskErrors.Full(path, e);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Writes text and waits until it is on the disk.</summary>
    internal static void WriteThrough(string path, string text)
    {
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None);
        stream.Write(Encoding.UTF8.GetBytes(text));
        stream.Flush(flushToDisk: true);
    }
}
