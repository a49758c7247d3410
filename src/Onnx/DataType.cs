namespace CompressTool.Onnx;

/// <summary>
/// Element type of a tensor. The numbers are those of <c>TensorProto.DataType</c> in the ONNX format (ONNX Runtime
/// numbers the last three otherwise).
/// </summary>
public enum DataType
{
    /// <summary>Not set.</summary>
    Undefined = 0,
    /// <summary>IEEE 754 binary32.</summary>
    Float = 1,
    /// <summary>Unsigned 8-bit integer.</summary>
    UInt8 = 2,
    /// <summary>Signed 8-bit integer.</summary>
    Int8 = 3,
    /// <summary>Unsigned 16-bit integer.</summary>
    UInt16 = 4,
    /// <summary>Signed 16-bit integer.</summary>
    Int16 = 5,
    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 6,
    /// <summary>Signed 64-bit integer.</summary>
    Int64 = 7,
    /// <summary>UTF-8 string.</summary>
    String = 8,
    /// <summary>Boolean, one byte.</summary>
    Bool = 9,
    /// <summary>IEEE 754 binary16.</summary>
    Float16 = 10,
    /// <summary>IEEE 754 binary64.</summary>
    Double = 11,
    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32 = 12,
    /// <summary>Unsigned 64-bit integer.</summary>
    UInt64 = 13,
    /// <summary>Two binary32.</summary>
    Complex64 = 14,
    /// <summary>Two binary64.</summary>
    Complex128 = 15,
    /// <summary>The upper half of binary32.</summary>
    BFloat16 = 16,
    /// <summary>8-bit float, 4 exponent bits, finite.</summary>
    Float8E4M3FN = 17,
    /// <summary>8-bit float, 4 exponent bits, finite, no negative zero.</summary>
    Float8E4M3FNUZ = 18,
    /// <summary>8-bit float, 5 exponent bits.</summary>
    Float8E5M2 = 19,
    /// <summary>8-bit float, 5 exponent bits, finite, no negative zero.</summary>
    Float8E5M2FNUZ = 20,
    /// <summary>Unsigned 4-bit integer, two per byte, low nibble first.</summary>
    UInt4 = 21,
    /// <summary>Signed 4-bit integer, two per byte, low nibble first.</summary>
    Int4 = 22,
    /// <summary>4-bit float, two per byte, low nibble first.</summary>
    Float4E2M1 = 23,
    /// <summary>8-bit power of two (scale of microscaling formats).</summary>
    Float8E8M0 = 24,
    /// <summary>Unsigned 2-bit integer, four per byte.</summary>
    UInt2 = 25,
    /// <summary>Signed 2-bit integer, four per byte.</summary>
    Int2 = 26,
}

/// <summary>Facts about element types.</summary>
public static class DataTypes
{
    /// <summary>Bits of one element; 0 for strings and undefined.</summary>
    public static int BitSize(this DataType type) => type switch
    {
        DataType.Float or DataType.Int32 or DataType.UInt32 => 32,
        DataType.UInt8 or DataType.Int8 or DataType.Bool or DataType.Float8E4M3FN or DataType.Float8E4M3FNUZ
            or DataType.Float8E5M2 or DataType.Float8E5M2FNUZ or DataType.Float8E8M0 => 8,
        DataType.UInt16 or DataType.Int16 or DataType.Float16 or DataType.BFloat16 => 16,
        DataType.Int64 or DataType.UInt64 or DataType.Double or DataType.Complex64 => 64,
        DataType.Complex128 => 128,
        DataType.UInt4 or DataType.Int4 or DataType.Float4E2M1 => 4,
        DataType.UInt2 or DataType.Int2 => 2,
        _ => 0,
    };

    /// <summary>Bytes that <paramref name="elements"/> elements take in raw form; sub-byte types are packed, the last byte padded.</summary>
    /// <exception cref="OverflowException">The size does not fit in 63 bits.</exception>
    public static long ByteSize(this DataType type, long elements) =>
        checked((elements / 8 * type.BitSize()) + (((elements % 8 * type.BitSize()) + 7) / 8));

    /// <summary>True for the real floating-point types, 16 bits and wider.</summary>
    public static bool IsFloat(this DataType type) =>
        type is DataType.Float or DataType.Float16 or DataType.BFloat16 or DataType.Double;

    /// <summary>The name used in reports and messages, e.g. <c>float32</c>.</summary>
    public static string DisplayName(this DataType type) => type switch
    {
        DataType.Float => "float32",
        DataType.Double => "float64",
        _ => type.ToString().ToLowerInvariant(),
    };
}
