using CompressTool.Onnx;

namespace CompressTool.Runtime.Native;

/// <summary>
/// Element types on both sides. ONNX Runtime numbers them as the ONNX format does, except for the last three, which the
/// two projects added in different orders.
/// </summary>
internal static class ElementTypes
{
    /// <summary>ONNX Runtime's number (<c>ONNXTensorElementDataType</c>) of an element type.</summary>
    public static int ToNative(DataType type) => type switch
    {
        DataType.UInt2 => 24,
        DataType.Int2 => 25,
        DataType.Float8E8M0 => 26,
        _ => (int)type,
    };

    /// <summary>The element type of ONNX Runtime's number.</summary>
    public static DataType FromNative(int type) => type switch
    {
        24 => DataType.UInt2,
        25 => DataType.Int2,
        26 => DataType.Float8E8M0,
        _ => (DataType)type,
    };

    /// <summary>The element type that a managed type stands for; <see cref="DataType.Undefined"/> when it stands for none.</summary>
    public static DataType Of<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? DataType.Float
        : typeof(T) == typeof(double) ? DataType.Double
        : typeof(T) == typeof(Half) ? DataType.Float16
        : typeof(T) == typeof(sbyte) ? DataType.Int8
        : typeof(T) == typeof(byte) ? DataType.UInt8
        : typeof(T) == typeof(short) ? DataType.Int16
        : typeof(T) == typeof(ushort) ? DataType.UInt16
        : typeof(T) == typeof(int) ? DataType.Int32
        : typeof(T) == typeof(uint) ? DataType.UInt32
        : typeof(T) == typeof(long) ? DataType.Int64
        : typeof(T) == typeof(ulong) ? DataType.UInt64
        : typeof(T) == typeof(bool) ? DataType.Bool
        : DataType.Undefined;

    /// <summary>
    /// Whether elements may be read as <typeparamref name="T"/>: its own type, the bits of a 16-bit float as
    /// <see cref="ushort"/>, or any type as bytes.
    /// </summary>
    public static bool IsReadableAs<T>(DataType type)
        where T : unmanaged =>
        typeof(T) == typeof(byte) || Of<T>() == type || (typeof(T) == typeof(ushort) && type is DataType.Float16 or DataType.BFloat16);
}
