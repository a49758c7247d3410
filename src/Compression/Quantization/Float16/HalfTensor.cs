using System.Buffers;
using System.Runtime.InteropServices;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>float16 tensors made from float32 ones.</summary>
internal static class HalfTensor
{
    private const int Chunk = 1 << 20;

    /// <summary>The tensor in float16; converted chunk by chunk whenever it is read.</summary>
    public static Tensor From(Tensor tensor) => new(DataType.Float16, tensor.Dims, new ChunkedData(tensor.Data, sizeof(float), sizeof(ushort), static (_, input, output) =>
        HalfConversion.Convert(MemoryMarshal.Cast<byte, float>(input), MemoryMarshal.Cast<byte, ushort>(output))))
    {
        Name = tensor.Name,
        DocString = tensor.DocString,
        Metadata = tensor.Metadata,
    };

    /// <summary>How many values the conversion clamps, and the largest magnitude among them. Reads the tensor once.</summary>
    public static (long Count, float Largest) CountClamped(Tensor tensor)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(Chunk, tensor.ByteLength));
        try
        {
            var (count, largest) = (0L, 0f);
            for (long offset = 0; offset < tensor.ByteLength; offset += Chunk)
            {
                var chunk = buffer.AsSpan(0, (int)Math.Min(Chunk, tensor.ByteLength - offset));
                tensor.Data.Read(offset, chunk);
                var (more, extreme) = HalfConversion.CountClamped(MemoryMarshal.Cast<byte, float>(chunk));
                count += more;
                largest = Math.Max(largest, extreme);
            }

            return (count, largest);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
