using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Sampling;

/// <summary>Copies of numbers between arrays of different element types.</summary>
internal static class RowCopy
{
    /// <summary>Fills an array with a number; timesteps between two become the nearest where they must be whole.</summary>
    public static void Fill(NativeArray array, double number)
    {
        switch (array.Type)
        {
            case DataType.Int64: array.AsSpan<long>().Fill((long)Math.Round(number)); break;
            case DataType.Int32: array.AsSpan<int>().Fill((int)Math.Round(number)); break;
            case DataType.Float: array.AsSpan<float>().Fill((float)number); break;
            case DataType.Float16: array.AsSpan<Half>().Fill((Half)number); break;
            case DataType.Double: array.AsSpan<double>().Fill(number); break;
            default: throw new CompressToolException(DiffusionErrors.InvalidCondition, $"no numbers can be given as {array}");
        }
    }

    /// <summary>Writes one number.</summary>
    public static void Set(NativeArray array, int index, long number)
    {
        switch (array.Type)
        {
            case DataType.Int64: array.AsSpan<long>()[index] = number; break;
            case DataType.Int32: array.AsSpan<int>()[index] = (int)number; break;
            case DataType.Float: array.AsSpan<float>()[index] = number; break;
            case DataType.Float16: array.AsSpan<Half>()[index] = (Half)number; break;
            case DataType.Double: array.AsSpan<double>()[index] = number; break;
            default: throw new CompressToolException(DiffusionErrors.InvalidCondition, $"no numbers can be given as {array}");
        }
    }

    /// <summary>Writes float32 numbers, times a scale, to an array of float32 or float16 from an element on.</summary>
    public static void Write(ReadOnlySpan<float> source, float scale, NativeArray destination, int offset)
    {
        if (destination.Type == DataType.Float)
        {
            Arithmetic.Vectors.Scale(scale, source, destination.AsSpan<float>().Slice(offset, source.Length));
            return;
        }

        var halves = destination.AsSpan<Half>().Slice(offset, source.Length);
        for (var i = 0; i < source.Length; i++)
        {
            halves[i] = (Half)(scale * source[i]);
        }
    }

    /// <summary>Reads an array of float32 or float16 as float32 from an element on.</summary>
    public static void Read(NativeArray source, int offset, Span<float> destination)
    {
        if (source.Type == DataType.Float)
        {
            source.AsSpan<float>().Slice(offset, destination.Length).CopyTo(destination);
            return;
        }

        var halves = source.AsSpan<Half>().Slice(offset, destination.Length);
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = (float)halves[i];
        }
    }
}
