using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx.Serialization;

/// <summary>
/// Writes files that belong together under temporary names beside their final ones, and renames them when all are complete.
/// Whatever goes wrong before leaves nothing behind, and what was there stays what it was.
/// </summary>
public sealed class AtomicFiles : IDisposable
{
    private readonly List<(string Temporary, string Final)> _written = [];

    /// <summary>Writes one file.</summary>
    /// <param name="path">Its final full path.</param>
    /// <param name="length">How long it will be; the space is reserved first, so that a full disk shows before the work is done.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="CompressToolException">The file cannot be written.</exception>
    public SavedFile Write(string path, long length, Action<Stream> write)
    {
        if (Directory.Exists(path))
        {
            throw new CompressToolException(OnnxErrors.WriteFailed, $"'{path}' cannot be written: it is a folder");
        }

        var temporary = $"{path}.{Guid.NewGuid():n}.tmp";
        _written.Add((temporary, path));
        try
        {
            using var stream = new HashingStream(new FileStream(temporary, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 0,
                PreallocationSize = length,
            }));
            write(stream);
            return stream.Complete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(path, e);
        }
    }

    /// <summary>Writes a file that is looked at once and deleted then: in place, and without waiting for the disk.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="CompressToolException">The file cannot be written.</exception>
    internal static void WriteTemporary(string path, Action<Stream> write)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
            write(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(path, e);
        }
    }

    /// <summary>Gives the files their final names, in the order they were written.</summary>
    /// <exception cref="CompressToolException">A file that is to be replaced cannot be.</exception>
    public void Commit()
    {
        while (_written.Count > 0)
        {
            var (temporary, final) = _written[0];
            try
            {
                File.Move(temporary, final, overwrite: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Windows does not replace a file while it is mapped; elsewhere the old content lives on for those who have it open.
                throw Failed(final, e, File.Exists(final) ? "; something still has the old file open, perhaps a model that was loaded from it" : "");
            }

            _written.RemoveAt(0);
        }
    }

    /// <summary>Deletes what was written and not committed.</summary>
    public void Dispose()
    {
        foreach (var (temporary, _) in _written)
        {
            try
            {
                File.Delete(temporary);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The error that led here says more; a file named .tmp is never taken for a result.
            }
        }
    }

    private static CompressToolException Failed(string path, Exception e, string hint = "") =>
        new(OnnxErrors.WriteFailed, $"'{path}' cannot be written: {e.Message}{hint}", inner: e);
}
