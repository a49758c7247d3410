using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Diffusion.Export;

/// <summary>Tensors in other floating-point types, as far as no number changes by that.</summary>
internal static class ExactConversion
{
    private const int Chunk = 1 << 20;

    /// <summary>The tensor in another type when that holds every number of it exactly, else as it is.</summary>
    public static Tensor To(Tensor tensor, DataType type) => tensor.Type != DataType.Float ? tensor : type switch
    {
        DataType.Float16 => Convert<ushort>(tensor, type, Half, x => (float)BitConverter.UInt16BitsToHalf(x)),
        DataType.BFloat16 => Convert<ushort>(tensor, type, x => (ushort)(BitConverter.SingleToUInt32Bits(x) >> 16), x => BitConverter.UInt32BitsToSingle((uint)x << 16)),
        DataType.Double => Convert<double>(tensor, type, x => x, x => (float)x),
        _ => tensor,
    };

    private static ushort Half(float number) => BitConverter.HalfToUInt16Bits((Half)number);

    private static Tensor Convert<T>(Tensor tensor, DataType type, Func<float, T> convert, Func<T, float> back)
        where T : unmanaged
    {
        var buffer = new float[(int)Math.Min(Chunk, tensor.Count)];
        for (long first = 0; first < tensor.Count; first += Chunk)
        {
            var numbers = buffer.AsSpan(0, (int)Math.Min(Chunk, tensor.Count - first));
            tensor.Data.Read(first * sizeof(float), MemoryMarshal.AsBytes(numbers));
            foreach (var number in numbers)
            {
                // By their bits: zeros have signs, and what is no number has many forms.
                if (BitConverter.SingleToInt32Bits(back(convert(number))) != BitConverter.SingleToInt32Bits(number))
                {
                    return tensor;
                }
            }
        }

        return new Tensor(type, tensor.Dims, new ChunkedData(tensor.Data, sizeof(float), type.BitSize() / 8, (_, input, output) =>
        {
            var results = MemoryMarshal.Cast<byte, T>(output);
            var index = 0;
            foreach (var number in MemoryMarshal.Cast<byte, float>(input))
            {
                results[index++] = convert(number);
            }
        }));
    }
}
