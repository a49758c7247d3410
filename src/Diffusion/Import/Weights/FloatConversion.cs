using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Diffusion.Import.Weights;

/// <summary>Tensors of any floating-point type as float32, converted when they are read.</summary>
internal static class FloatConversion
{
    /// <summary>The same numbers as float32; null when the elements are no floating-point numbers.</summary>
    public static Tensor? ToFloat(Tensor tensor) => tensor.Type switch
    {
        DataType.Float => tensor,
        DataType.Float16 => Convert<Half>(tensor, x => (float)x),
        DataType.BFloat16 => Convert<ushort>(tensor, x => BitConverter.UInt32BitsToSingle((uint)x << 16)),
        DataType.Double => Convert<double>(tensor, x => (float)x),
        _ => null,
    };

    private static Tensor Convert<T>(Tensor tensor, Func<T, float> convert)
        where T : unmanaged => new(DataType.Float, tensor.Dims, new ChunkedData(tensor.Data, Unsafe.SizeOf<T>(), sizeof(float), (_, input, output) =>
        {
            var floats = MemoryMarshal.Cast<byte, float>(output);
            var index = 0;
            foreach (var number in MemoryMarshal.Cast<byte, T>(input))
            {
                floats[index++] = convert(number);
            }
        }));
}
