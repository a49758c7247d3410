using System.Runtime.InteropServices;

namespace CompressTool.Onnx.Inference;

/// <summary>Conversions between element types, as the Cast operator makes them.</summary>
internal static class NumberConversion
{
    /// <summary>True for bool and the integers of 8 to 64 bits.</summary>
    public static bool IsInteger(DataType type) => type is DataType.Bool or DataType.Int8 or DataType.UInt8 or DataType.Int16 or DataType.UInt16
        or DataType.Int32 or DataType.UInt32 or DataType.Int64 or DataType.UInt64;

    /// <summary>A tensor of whole numbers; null when one does not fit the type.</summary>
    public static Tensor? FromInt64s(DataType type, long[] dims, long[] numbers)
    {
        var (least, most) = type switch
        {
            DataType.Bool => (0L, 1L),
            DataType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
            DataType.UInt8 => (0, byte.MaxValue),
            DataType.Int16 => (short.MinValue, short.MaxValue),
            DataType.UInt16 => (0, ushort.MaxValue),
            DataType.Int32 => (int.MinValue, int.MaxValue),
            DataType.UInt32 => (0, uint.MaxValue),
            DataType.Int64 => (long.MinValue, long.MaxValue),
            DataType.UInt64 => (0, long.MaxValue),
            DataType.Float => (-(1L << 24), 1L << 24),
            DataType.Double => (-(1L << 53), 1L << 53),
            _ => (0, -1),
        };
        return numbers.All(number => number >= least && number <= most) ? Wrap(type, dims, numbers) : null;
    }

    /// <summary>The elements of a floating-point tensor.</summary>
    public static double[] ToDoubles(Tensor tensor) =>
        tensor.Type == DataType.Double ? tensor.ToArray<double>() : Array.ConvertAll(tensor.ToFloats(), x => (double)x);

    /// <summary>
    /// The tensor with another element type: integers wrap around, floating-point numbers lose their fraction. Null where the
    /// result is not defined (numbers out of range, not a number) or the types are not covered.
    /// </summary>
    public static Tensor? Cast(Tensor tensor, DataType to)
    {
        if (tensor.Type == to)
        {
            return tensor;
        }

        long[] dims = [.. tensor.Dims];
        if (IsInteger(tensor.Type))
        {
            var numbers = tensor.Type == DataType.UInt64 ? Array.ConvertAll(tensor.ToArray<ulong>(), x => (long)x) : tensor.ToInt64s();
            return tensor.Type == DataType.UInt64 && to.IsFloat() && numbers.Any(x => x < 0) ? null : Wrap(to, dims, numbers);
        }

        if (!tensor.Type.IsFloat())
        {
            return null;
        }

        var source = ToDoubles(tensor);
        return to switch
        {
            DataType.Bool => Create(to, dims, source, x => (byte)(x != 0 ? 1 : 0)),
            _ when to.IsFloat() => FromDoubles(to, dims, source),
            _ when IsInteger(to) && source.All(x => Math.Abs(x) < 1L << 62) => FromTruncated(to, dims, Array.ConvertAll(source, x => (long)x)),
            _ => null,
        };
    }

    /// <summary>A tensor of floating-point numbers, rounded to its type by way of float32 where that is narrower, as the runtime does.</summary>
    private static Tensor? FromDoubles(DataType type, long[] dims, double[] numbers) => type switch
    {
        DataType.Float => Create(type, dims, numbers, x => (float)x),
        DataType.Double => Create(type, dims, numbers, x => x),
        DataType.Float16 => Create(type, dims, numbers, x => (Half)(float)x),
        DataType.BFloat16 => Create(type, dims, numbers, x => ToBFloat16((float)x)),
        _ => null,
    };

    private static Tensor? FromTruncated(DataType type, long[] dims, long[] numbers) =>
        type == DataType.Float || type == DataType.Double ? null : FromInt64s(type, dims, numbers);

    /// <summary>Integers cut to the type's width.</summary>
    private static Tensor? Wrap(DataType type, long[] dims, long[] numbers) => type switch
    {
        DataType.Bool => Create(type, dims, numbers, x => (byte)(x != 0 ? 1 : 0)),
        DataType.Int8 or DataType.UInt8 => Create(type, dims, numbers, x => unchecked((byte)x)),
        DataType.Int16 or DataType.UInt16 => Create(type, dims, numbers, x => unchecked((ushort)x)),
        DataType.Int32 or DataType.UInt32 => Create(type, dims, numbers, x => unchecked((uint)x)),
        DataType.Int64 or DataType.UInt64 => Tensor.Create<long>(type, dims, numbers),
        DataType.Float => Create(type, dims, numbers, x => (float)x),
        DataType.Double => Create(type, dims, numbers, x => (double)x),
        DataType.Float16 => Create(type, dims, numbers, x => (Half)(float)x),
        DataType.BFloat16 => Create(type, dims, numbers, x => ToBFloat16(x)),
        _ => null,
    };

    private static Tensor Create<TFrom, T>(DataType type, long[] dims, TFrom[] source, Converter<TFrom, T> convert)
        where T : unmanaged => new(type, dims, new MemoryData(MemoryMarshal.AsBytes(Array.ConvertAll(source, convert).AsSpan()).ToArray()));

    /// <summary>The upper half of the bits, rounded to nearest, ties to even.</summary>
    private static ushort ToBFloat16(float x)
    {
        var bits = BitConverter.SingleToUInt32Bits(x);
        return float.IsNaN(x) ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
