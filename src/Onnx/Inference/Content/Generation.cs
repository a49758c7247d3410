using System.Numerics;

namespace CompressTool.Onnx.Inference.Content;

/// <summary>Content of operators that make tensors from shapes and numbers.</summary>
internal static class Generation
{
    public static void Shape(NodeContext c)
    {
        if (c.Dims(0) is { } x)
        {
            var (start, end) = Rules.Creation.ShapeRange(c, x.Length);
            c.Fill(0, x[start..end]);
        }
    }

    public static void Size(NodeContext c)
    {
        if (c.Dims(0) is { } x)
        {
            c.Fill(0, [Rules.Shaping.Product(x)]);
        }
    }

    public static void ConstantOfShape(NodeContext c)
    {
        if (c.ComputableDims() is not { } dims || (c.Tensor("value") is { } value && (value.Count != 1 || value.Type.BitSize() < 8)))
        {
            return;
        }

        var element = new byte[(c.Tensor("value")?.Type ?? DataType.Float).BitSize() / 8];
        c.Tensor("value")?.Data.Read(0, element);
        var bytes = new byte[NodeContext.Count(dims) * element.Length];
        for (var position = 0; position < bytes.Length; position += element.Length)
        {
            element.CopyTo(bytes, position);
        }

        c.Fill(0, new Tensor(c.OutputFact(0).Type, dims, new MemoryData(bytes)));
    }

    /// <summary>Floating-point ranges add the step again and again, as the runtime does.</summary>
    public static void Range(NodeContext c)
    {
        if (c.ComputableDims() is not [var count])
        {
            return;
        }

        if (c.Constant(0) is { } start && c.Constant(2) is { } step)
        {
            if (start.Type switch
            {
                DataType.Int16 => Sequence<short>(start, step, count),
                DataType.Int32 => Sequence<int>(start, step, count),
                DataType.Int64 => Sequence<long>(start, step, count),
                DataType.Float => Sequence<float>(start, step, count),
                DataType.Double => Sequence<double>(start, step, count),
                _ => null,
            } is { } result)
            {
                c.Fill(0, result);
            }
        }
        else if (count <= Fact.MaxElements && c.Elements(0) is [{ } first] && c.Elements(2) is [{ } delta])
        {
            c.Fill(0, [.. Enumerable.Range(0, (int)count).Select(index => first + (delta * index))]);
        }
    }

    /// <summary>The indices of the elements that are not zero, one row per axis.</summary>
    public static void NonZero(NodeContext c)
    {
        if (c.Constant(0) is not { } tensor || NumberConversion.Cast(tensor, DataType.Bool) is not { } bools)
        {
            return;
        }

        long[] dims = [.. tensor.Dims];
        var strides = Strides.Of(dims);
        int[] found = [.. bools.ToArray<bool>().Index().Where(element => element.Item).Select(element => element.Index)];
        if (dims.Length > 0)
        {
            c.Fill(0, Tensor.Create<long>(DataType.Int64, [dims.Length, found.Length], [.. dims.SelectMany((dim, axis) => found.Select(position => position / strides[axis] % dim))]));
        }
    }

    private static Tensor Sequence<T>(Tensor start, Tensor step, long count)
        where T : unmanaged, INumber<T>
    {
        var value = start.ToArray<T>()[0];
        var delta = step.ToArray<T>()[0];
        var result = new T[count];
        for (var index = 0; index < result.Length; index++, value += delta)
        {
            result[index] = value;
        }

        return Tensor.Create<T>(start.Type, [count], result);
    }
}
