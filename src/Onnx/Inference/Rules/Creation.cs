namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Operators that make tensors from nothing, from a shape, or from facts about a tensor.</summary>
internal static class Creation
{
    public static void Constant(NodeContext c)
    {
        if (c.Node.ConstantAttribute() is { } tensor)
        {
            c.SetFact(0, Fact.Of(tensor));
        }
        else if (c.Attribute("value")?.Value is Tensor given)
        {
            // In a function, the call may give the tensor.
            c.SetFact(0, Fact.Of(given));
        }
        else if (c.Attribute("value_string") is not null)
        {
            c.Set(0, DataType.String, []);
        }
        else if (c.Attribute("value_strings")?.Value is IReadOnlyList<ReadOnlyMemory<byte>> strings)
        {
            c.Set(0, DataType.String, strings.Count);
        }
    }

    public static void ConstantOfShape(NodeContext c) => c.Set(0, c.Tensor("value")?.Type ?? DataType.Float, FromShapeInput(c, 0));

    public static void Shape(NodeContext c)
    {
        Expression[] dims = [c.Opaque(0, 0)];
        if (c.Dims(0) is { } x)
        {
            var (start, end) = ShapeRange(c, x.Length);
            dims = [end - start];
        }

        c.Set(0, DataType.Int64, dims);
    }

    /// <summary>Which part of the shape is asked for.</summary>
    public static (int Start, int End) ShapeRange(NodeContext c, int rank)
    {
        int Clamp(long axis) => (int)Math.Clamp(axis < 0 ? axis + rank : axis, 0, rank);
        var start = Clamp(c.Int("start", 0));
        return (start, Math.Max(start, Clamp(c.Int("end", rank))));
    }

    public static void Size(NodeContext c) => c.Set(0, DataType.Int64, []);

    public static void Range(NodeContext c)
    {
        var type = c.SameType(0, 1, 2);
        Expression? count = null;
        if (c.Elements(0) is [{ } start] && c.Elements(1) is [{ } limit] && c.Elements(2) is [{ Number: { } step }])
        {
            count = step == 0 ? throw c.Mismatch("its step is 0")
                : Expression.CeilingDivide(step > 0 ? limit - start : start - limit, Math.Abs(step)) is { } steps ? Expression.Max(0, steps) : null;
        }
        else if (type is DataType.Float or DataType.Double && c.Constant(0) is { Count: 1 } first && c.Constant(1) is { Count: 1 } last && c.Constant(2) is { Count: 1 } delta)
        {
            count = RangeCount(NumberConversion.ToDoubles(first)[0], NumberConversion.ToDoubles(last)[0], NumberConversion.ToDoubles(delta)[0]);
        }

        c.Set(0, type, count ?? c.Opaque(0, 0));
    }

    public static long RangeCount(double start, double limit, double delta) => Math.Max(0, (long)Math.Ceiling((limit - start) / delta));

    public static void EyeLike(NodeContext c) => c.Set(0, c.TypeAttribute("dtype", c.Type(0)), c.Dims(0, 2));

    /// <summary>Random numbers of a shape given as an attribute.</summary>
    public static void Random(NodeContext c) =>
        c.Set(0, c.TypeAttribute("dtype", DataType.Float), c.Ints("shape") is { } shape ? [.. shape.Select(Expression.Of)] : null);

    /// <summary>Random numbers of the input's shape.</summary>
    public static void RandomLike(NodeContext c) => c.Set(0, c.TypeAttribute("dtype", c.Type(0)), c.Dims(0));

    public static void Multinomial(NodeContext c) =>
        c.Set(0, c.TypeAttribute("dtype", DataType.Int32), c.Dims(0, 2) is { } x ? [x[0], c.Int("sample_size", 1)] : null);

    /// <summary>A window function of a given length.</summary>
    public static void Window(NodeContext c) =>
        c.Set(0, c.TypeAttribute("output_datatype", DataType.Float), c.Elements(0) is [{ } size] ? size : c.Opaque(0, 0));

    private static Expression[]? FromShapeInput(NodeContext c, int input) =>
        c.Elements(input) is { } shape ? [.. shape.Select((dim, axis) => dim?.Number < 0 ? throw c.Mismatch($"its shape has the negative dimension {dim}") : dim ?? c.Opaque(0, axis))]
        : c.Dims(input, 1) is [{ Number: { } rank }] ? c.OpaqueShape(0, rank) : null;
}
