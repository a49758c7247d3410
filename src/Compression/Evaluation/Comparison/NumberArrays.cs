using System.Runtime.InteropServices;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation;

/// <summary>Arrays of one element type as another: quantization may change the types of inputs and outputs.</summary>
public static class NumberArrays
{
    /// <summary>The elements as float64; exact except for integers beyond 2^53.</summary>
    /// <exception cref="CompressToolException">The elements are not numbers of 8 bits or more.</exception>
    public static double[] ToDoubles(NdArray array) => array.Type switch
    {
        DataType.Float => Convert<float>(array, x => x),
        DataType.Double => array.AsSpan<double>().ToArray(),
        DataType.Float16 => Convert<Half>(array, x => (double)x),
        DataType.BFloat16 => Convert<ushort>(array, x => BitConverter.UInt32BitsToSingle((uint)x << 16)),
        DataType.Int64 => Convert<long>(array, x => x),
        DataType.UInt64 => Convert<ulong>(array, x => x),
        DataType.Int32 => Convert<int>(array, x => x),
        DataType.UInt32 => Convert<uint>(array, x => x),
        DataType.Int16 => Convert<short>(array, x => x),
        DataType.UInt16 => Convert<ushort>(array, x => x),
        DataType.Int8 => Convert<sbyte>(array, x => x),
        DataType.UInt8 => Convert<byte>(array, x => x),
        DataType.Bool => Convert<byte>(array, x => x == 0 ? 0 : 1),
        _ => throw Unsupported(array.Type),
    };

    /// <summary>An array of numbers in an element type: rounded to nearest, integers clamped to their range.</summary>
    /// <exception cref="CompressToolException">The type is not a number of 8 bits or more.</exception>
    public static NdArray FromDoubles(DataType type, IReadOnlyList<long> dims, double[] elements) => type switch
    {
        DataType.Float => Pack(type, dims, elements, x => (float)x),
        DataType.Double => Pack(type, dims, elements, x => x),
        DataType.Float16 => Pack(type, dims, elements, x => (Half)x),
        DataType.BFloat16 => Pack(type, dims, elements, ToBFloat16),
        DataType.Int64 => Pack(type, dims, elements, x => (long)Math.Round(x)),
        DataType.UInt64 => Pack(type, dims, elements, x => (ulong)Math.Round(x)),
        DataType.Int32 => Pack(type, dims, elements, x => (int)Math.Round(x)),
        DataType.UInt32 => Pack(type, dims, elements, x => (uint)Math.Round(x)),
        DataType.Int16 => Pack(type, dims, elements, x => (short)Math.Clamp(Math.Round(x), short.MinValue, short.MaxValue)),
        DataType.UInt16 => Pack(type, dims, elements, x => (ushort)Math.Clamp(Math.Round(x), 0, ushort.MaxValue)),
        DataType.Int8 => Pack(type, dims, elements, x => (sbyte)Math.Clamp(Math.Round(x), sbyte.MinValue, sbyte.MaxValue)),
        DataType.UInt8 => Pack(type, dims, elements, x => (byte)Math.Clamp(Math.Round(x), 0, byte.MaxValue)),
        DataType.Bool => Pack(type, dims, elements, x => (byte)(x == 0 ? 0 : 1)),
        _ => throw Unsupported(type),
    };

    /// <summary>An array in another element type; the array itself when it has it already.</summary>
    public static NdArray Cast(NdArray array, DataType type) => array.Type == type ? array : FromDoubles(type, array.Dims, ToDoubles(array));

    private static double[] Convert<T>(NdArray array, Func<T, double> convert)
        where T : unmanaged
    {
        var elements = MemoryMarshal.Cast<byte, T>(array.Data.Span);
        var result = new double[elements.Length];
        for (var index = 0; index < result.Length; index++)
        {
            result[index] = convert(elements[index]);
        }

        return result;
    }

    private static NdArray Pack<T>(DataType type, IReadOnlyList<long> dims, double[] elements, Func<double, T> convert)
        where T : unmanaged => new(type, dims, MemoryMarshal.AsBytes(Array.ConvertAll(elements, x => convert(x)).AsSpan()).ToArray());

    private static ushort ToBFloat16(double value)
    {
        var bits = BitConverter.SingleToUInt32Bits((float)value);
        return double.IsNaN(value) ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private static CompressToolException Unsupported(DataType type) =>
        new(CompressionErrors.UnsuitableModel, $"inputs and outputs of type {type.DisplayName()} cannot be compared");
}
