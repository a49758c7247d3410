using System.IO.MemoryMappedFiles;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Serialization;
using Microsoft.Win32.SafeHandles;

namespace CompressTool.Onnx;

/// <summary>
/// A file whose parts are read or mapped on demand. Views are mapped one by one and unmapped when disposed, so the resident
/// memory stays at the size of what is being looked at.
/// </summary>
public sealed class MappedFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly Lazy<MemoryMappedFile> _map;
    private readonly DateTime _changed;

    private MappedFile(string path, SafeFileHandle handle, long length)
    {
        Path = path;
        _handle = handle;
        _changed = File.GetLastWriteTimeUtc(handle);
        Length = length;
        _map = new Lazy<MemoryMappedFile>(() => MemoryMappedFile.CreateFromFile(_handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true));
    }

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary>Number of bytes when the file was opened.</summary>
    public long Length { get; }

    /// <summary>Whether the same file is still at the path, as far as its length and time tell; links are followed.</summary>
    public bool IsUnchanged
    {
        get
        {
            try
            {
                using var handle = File.OpenHandle(Path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
                return RandomAccess.GetLength(handle) == Length && File.GetLastWriteTimeUtc(handle) == _changed;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                return false;
            }
        }
    }

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="CompressToolException">It does not exist or cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        var full = FilePath.Full(path);
        try
        {
            // Others may delete or replace the file meanwhile; what is open stays what it was.
            var handle = File.OpenHandle(full, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, FileOptions.None);
            return new MappedFile(full, handle, RandomAccess.GetLength(handle));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CompressToolException(OnnxErrors.FileNotFound, $"the file '{full}' does not exist", inner: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CompressToolException(OnnxErrors.ReadFailed, Directory.Exists(full) ? $"'{full}' is a folder, not a file"
                : $"the file '{full}' cannot be read: {(e is NotSupportedException ? "it is a pipe or device" : e.Message)}", inner: e);
        }
    }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/> on.</summary>
    /// <exception cref="CompressToolException">The file cannot be read, or is shorter than it was.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int count;
            try
            {
                count = RandomAccess.Read(_handle, destination, offset);
            }
            catch (IOException e)
            {
                throw new CompressToolException(OnnxErrors.ReadFailed, $"the file '{Path}' cannot be read: {e.Message}", inner: e);
            }

            if (count == 0)
            {
                throw new CompressToolException(OnnxErrors.ReadFailed, $"the file '{Path}' became shorter while it was being read");
            }

            destination = destination[count..];
            offset += count;
        }
    }

    /// <summary>Maps a part of the file.</summary>
    /// <exception cref="CompressToolException">The file is shorter than it was, or cannot be mapped.</exception>
    public TensorView View(long offset, long length)
    {
        if (length == 0)
        {
            return new MemoryView(ReadOnlyMemory<byte>.Empty);
        }

        try
        {
            return new MappedView(_map.Value.CreateViewAccessor(offset, length, MemoryMappedFileAccess.Read), length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CompressToolException(OnnxErrors.ReadFailed, $"the file '{Path}' cannot be mapped: {e.Message}", inner: e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_map.IsValueCreated)
        {
            _map.Value.Dispose();
        }

        _handle.Dispose();
    }

    private sealed unsafe class MappedView : TensorView
    {
        private readonly MemoryMappedViewAccessor _accessor;
        private byte* _pointer;

        public MappedView(MemoryMappedViewAccessor accessor, long length)
        {
            _accessor = accessor;
            Length = length;
            byte* pointer = null;
            accessor.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
            _pointer = pointer + accessor.PointerOffset;
        }

        public override long Length { get; }

        public override ReadOnlySpan<byte> Slice(long offset, int count)
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            ArgumentOutOfRangeException.ThrowIfNegative(offset);
            ArgumentOutOfRangeException.ThrowIfNegative(count);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
            return new ReadOnlySpan<byte>(_pointer + offset, count);
        }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (_pointer is not null)
            {
                _pointer = null;
                _accessor.SafeMemoryMappedViewHandle.ReleasePointer();
                _accessor.Dispose();
            }
        }
    }
}
