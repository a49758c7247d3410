using CompressTool.Onnx;

namespace CompressTool.Training.Expressions;

/// <summary>Small constants of any number type.</summary>
internal static class Numbers
{
    public static Tensor Scalar(DataType type, double number) => Create(type, [], [number]);

    public static Tensor Fill(DataType type, double number, int count)
    {
        var numbers = new double[count];
        Array.Fill(numbers, number);
        return Create(type, [count], numbers);
    }

    /// <summary>A tensor of numbers, rounded to the type.</summary>
    public static Tensor Create(DataType type, IReadOnlyList<long> dims, double[] numbers) => type switch
    {
        DataType.Float => Tensor.Create<float>(type, dims, Array.ConvertAll(numbers, x => (float)x)),
        DataType.Double => Tensor.Create<double>(type, dims, numbers),
        DataType.Float16 => Tensor.Create<Half>(type, dims, Array.ConvertAll(numbers, x => (Half)x)),
        DataType.BFloat16 => Tensor.Create<ushort>(type, dims, Array.ConvertAll(numbers, x => (ushort)(BitConverter.SingleToUInt32Bits((float)x) >> 16))),
        DataType.Int64 => Tensor.Create<long>(type, dims, Array.ConvertAll(numbers, x => (long)x)),
        DataType.Int32 => Tensor.Create<int>(type, dims, Array.ConvertAll(numbers, x => (int)x)),
        DataType.Bool => Tensor.Create<bool>(type, dims, Array.ConvertAll(numbers, x => x != 0)),
        _ => throw new ArgumentException($"No constants of {type.DisplayName()}.", nameof(type)),
    };
}
