using System.Runtime.InteropServices;

namespace CompressTool.Onnx;

/// <summary>
/// Memory outside the garbage-collected heap, for computed tensors: exactly as large as needed, and given back at once, which
/// keeps the peak at the largest tensor.
/// </summary>
internal sealed unsafe class NativeView : TensorView
{
    private byte* _pointer;

    public NativeView(long length)
    {
        Length = length;
        _pointer = (byte*)NativeMemory.Alloc(checked((nuint)Math.Max(1, length)));
    }

    public override long Length { get; }

    public override ReadOnlySpan<byte> Slice(long offset, int count) => Writable(offset, count);

    public Span<byte> Writable(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(_pointer is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
        return new Span<byte>(_pointer + offset, count);
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        NativeMemory.Free(_pointer);
        _pointer = null;
    }
}
