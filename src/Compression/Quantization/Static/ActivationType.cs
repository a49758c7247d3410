using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>The integers that stand for activations.</summary>
/// <param name="Type">The element type.</param>
/// <param name="Range">The integers.</param>
internal sealed record ActivationType(DataType Type, IntegerRange Range)
{
    /// <summary>8 bits without sign, which x64 processors multiply by signed weights.</summary>
    public static ActivationType UInt8 { get; } = new(DataType.UInt8, new IntegerRange(0, 255, 0, 255, IsSymmetric: false));

    /// <summary>8 bits with sign, which Arm processors multiply.</summary>
    public static ActivationType Int8 { get; } = new(DataType.Int8, new IntegerRange(-128, 127, -128, 127, IsSymmetric: false));

    /// <summary>8 bits with sign and zero in the middle, the only ones that TensorRT has.</summary>
    public static ActivationType SymmetricInt8 { get; } = new(DataType.Int8, IntegerRange.Signed(reduced: false));

    /// <summary>16 bits without sign.</summary>
    public static ActivationType UInt16 { get; } = new(DataType.UInt16, new IntegerRange(0, 65535, 0, 65535, IsSymmetric: false));

    /// <summary>How many integers there are.</summary>
    public int Levels => Range.High - Range.Low + 1;

    /// <summary>A zero point as a scalar of the type.</summary>
    public Tensor ZeroPoint(int value) => Integers([], [value]);

    /// <summary>Integers of the type.</summary>
    /// <param name="dims">Their dimensions.</param>
    /// <param name="values">The integers, which are in the range.</param>
    public Tensor Integers(IReadOnlyList<long> dims, int[] values) => Type switch
    {
        DataType.UInt8 => Tensor.Create<byte>(Type, dims, Array.ConvertAll(values, value => (byte)value)),
        DataType.Int8 => Tensor.Create<sbyte>(Type, dims, Array.ConvertAll(values, value => (sbyte)value)),
        _ => Tensor.Create<ushort>(Type, dims, Array.ConvertAll(values, value => (ushort)value)),
    };
}
