using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>bfloat16 tensors made from float32 ones.</summary>
internal static class BrainFloatTensor
{
    private const uint Infinity = 0x7F80_0000;
    private const uint Largest = 0x7F7F_0000;
    private const uint Magnitude = 0x7FFF_FFFF;

    /// <summary>The tensor in bfloat16, rounded to the nearest, ties to even, but never from a finite number to an infinite one, since masks are often the lowest float32; converted chunk by chunk whenever it is read.</summary>
    public static Tensor From(Tensor tensor) => new(DataType.BFloat16, tensor.Dims, new ChunkedData(tensor.Data, sizeof(float), sizeof(ushort), static (_, input, output) =>
        Convert(MemoryMarshal.Cast<byte, float>(input), MemoryMarshal.Cast<byte, ushort>(output))))
    {
        Name = tensor.Name,
        DocString = tensor.DocString,
        Metadata = tensor.Metadata,
    };

    private static void Convert(ReadOnlySpan<float> input, Span<ushort> output)
    {
        for (var i = 0; i < input.Length; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(input[i]);

            // The upper half, one more where the lower is beyond the middle, or on it and the upper odd. NaN must not become infinite.
            var rounded = bits + 0x7FFF + ((bits >> 16) & 1);
            output[i] = (ushort)((float.IsNaN(input[i]) ? bits | 0x40_0000
                : (rounded & Magnitude) >= Infinity && (bits & Magnitude) < Infinity ? (bits & ~Magnitude) | Largest
                : rounded) >> 16);
        }
    }
}
