namespace CompressTool.Onnx.Serialization;

/// <summary>Hashes what passes through on its way to the file, which saves reading it again.</summary>
internal sealed class HashingStream(FileStream file) : Stream
{
    private readonly BackgroundHash _hash = new();

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => file.Length;

    public override long Position
    {
        get => file.Position;
        set => throw new NotSupportedException();
    }

    public SavedFile Complete(string path)
    {
        file.Flush(flushToDisk: true);
        return new SavedFile(path, file.Length, _hash.Complete());
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _hash.Append(buffer);
        file.Write(buffer);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => file.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            _hash.Dispose();
            file.Dispose();
        }
    }
}
