using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Training.Optimization;

/// <summary>Tensor bytes in native memory of somebody else, so that what is trained is saved without a copy.</summary>
internal sealed unsafe class NativeArrayData(NativeArray array) : TensorData
{
    public override long Length => array.ByteLength;

    public override void Read(long offset, Span<byte> destination)
    {
        CheckRange(offset, destination.Length);
        new ReadOnlySpan<byte>((byte*)array.Pointer + offset, destination.Length).CopyTo(destination);
        GC.KeepAlive(array);
    }

    public override TensorView View() => new ArrayView(array);

    public override void CopyTo(Stream destination, CancellationToken cancellationToken = default)
    {
        for (long offset = 0; offset < Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = (int)Math.Min(1 << 20, Length - offset);
            destination.Write(new ReadOnlySpan<byte>((byte*)array.Pointer + offset, count));
            offset += count;
        }

        GC.KeepAlive(array);
    }

    private sealed class ArrayView(NativeArray array) : TensorView
    {
        public override long Length => array.ByteLength;

        public override ReadOnlySpan<byte> Slice(long offset, int count)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(offset);
            ArgumentOutOfRangeException.ThrowIfNegative(count);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
            return new ReadOnlySpan<byte>((byte*)array.Pointer + offset, count);
        }
    }
}
