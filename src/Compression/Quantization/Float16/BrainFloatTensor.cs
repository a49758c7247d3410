using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>bfloat16 tensors made from float32 ones.</summary>
internal static class BrainFloatTensor
{
    /// <summary>The tensor in bfloat16, rounded to the nearest, ties to even; converted chunk by chunk whenever it is read.</summary>
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
            output[i] = float.IsNaN(input[i]) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }
}
