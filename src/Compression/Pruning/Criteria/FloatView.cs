using System.Numerics;
using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>The elements of a floating-point tensor as float32, piece by piece; several threads may read at once.</summary>
internal sealed class FloatView(Tensor tensor) : IDisposable
{
    private readonly TensorView _view = tensor.Data.View();

    /// <summary>Elements from a place on: in place where they are float32, else converted into a buffer.</summary>
    /// <param name="start">The first.</param>
    /// <param name="count">How many.</param>
    /// <param name="buffer">At least as long.</param>
    public ReadOnlySpan<float> Read(long start, int count, Span<float> buffer)
    {
        var size = tensor.Type.BitSize() / 8;
        var bytes = _view.Slice(start * size, count * size);
        if (tensor.Type == DataType.Float)
        {
            return MemoryMarshal.Cast<byte, float>(bytes);
        }

        var converted = buffer[..count];
        switch (tensor.Type)
        {
            case DataType.Double:
                Narrow(MemoryMarshal.Cast<byte, double>(bytes), converted);
                break;
            case DataType.Float16:
                WidenHalves(MemoryMarshal.Cast<byte, ushort>(bytes), converted);
                break;
            default:
                Widen(MemoryMarshal.Cast<byte, ushort>(bytes), converted);
                break;
        }

        return converted;
    }

    public void Dispose() => _view.Dispose();

    private static void Narrow(ReadOnlySpan<double> source, Span<float> destination)
    {
        for (var index = 0; index < source.Length; index++)
        {
            destination[index] = (float)source[index];
        }
    }

    /// <summary>bfloat16 is the upper half of float32.</summary>
    private static void Widen(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var bits = MemoryMarshal.Cast<float, uint>(destination);
        for (var index = 0; index < source.Length; index++)
        {
            bits[index] = (uint)source[index] << 16;
        }
    }

    /// <summary>float16 without its sign, shifted to where float32 has exponent and fraction, is too small by 2^112, subnormals too.</summary>
    private static void WidenHalves(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var scale = new Vector<float>(BitConverter.UInt32BitsToSingle((127 + 112) << 23));
        var (magnitude, infinity, sign) = (new Vector<uint>(0x7FFF), new Vector<uint>(0x7C00), new Vector<uint>(0x8000));
        var index = 0;
        for (; index <= source.Length - Vector<ushort>.Count; index += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[index..]), out var low, out var high);
            Convert(low).CopyTo(destination[index..]);
            Convert(high).CopyTo(destination[(index + Vector<uint>.Count)..]);
        }

        for (; index < source.Length; index++)
        {
            destination[index] = (float)BitConverter.UInt16BitsToHalf(source[index]);
        }

        Vector<float> Convert(Vector<uint> half)
        {
            var finite = Vector.AsVectorUInt32(Vector.AsVectorSingle((half & magnitude) << 13) * scale);
            var beyond = Vector.GreaterThanOrEqual(half & magnitude, infinity) & new Vector<uint>(0x7F80_0000);
            return Vector.AsVectorSingle(finite | beyond | ((half & sign) << 16));
        }
    }
}
