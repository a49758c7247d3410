namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Operators that work on every element by itself.</summary>
internal static class Elementwise
{
    /// <summary>Output 0 is like input 0.</summary>
    public static void Unary(NodeContext c) => c.Set(0, c.Type(0), c.Dims(0));

    /// <summary>A bool for every element.</summary>
    public static void Predicate(NodeContext c) => c.Set(0, DataType.Bool, c.Dims(0));

    /// <summary>Any number of inputs, broadcast, of one element type.</summary>
    public static void Broadcast(NodeContext c) => c.Set(0, c.SameType([.. Enumerable.Range(0, c.InputCount)]), Shape(c));

    /// <summary>Two broadcast inputs of one type give bools.</summary>
    public static void Compare(NodeContext c)
    {
        c.SameType(0, 1);
        c.Set(0, DataType.Bool, Shape(c));
    }

    /// <summary>The exponent may have another type than the base.</summary>
    public static void Pow(NodeContext c) => c.Set(0, c.Type(0), Shape(c));

    public static void Where(NodeContext c)
    {
        var type = c.SameType(1, 2);
        c.Set(0, type, Broadcasting.OfInputs(c, 0, 1, 2));
    }

    /// <summary>Cast, and BitCast to a type of the same width.</summary>
    public static void Cast(NodeContext c) => c.Set(0, c.TypeAttribute("to", DataType.Undefined), c.Dims(0));

    public static void CastLike(NodeContext c) => c.Set(0, c.Type(1), c.Dims(0));

    /// <summary>The slope is broadcast to the input, never the other way.</summary>
    public static void PRelu(NodeContext c)
    {
        if (c.Dims(0) is { } x && c.Dims(1) is { } slope)
        {
            Broadcasting.Of(c, x, slope);
        }

        c.Set(0, c.SameType(0, 1), c.Dims(0));
    }

    /// <summary>Minimum and maximum are scalars; they were attributes before version 11.</summary>
    public static void Clip(NodeContext c)
    {
        foreach (var bound in (int[])[1, 2])
        {
            if (c.Dims(bound) is { } dims && dims is not ([] or [{ Number: 1 }]))
            {
                throw c.Mismatch($"{c.What(bound)} {NodeContext.Show(dims)} is not a single number");
            }
        }

        c.Set(0, c.Type(0), c.Dims(0));
    }

    public static void Dropout(NodeContext c)
    {
        c.Set(0, c.Type(0), c.Dims(0));
        c.Set(1, c.Opset < 10 ? c.Type(0) : DataType.Bool, c.Dims(0));
    }

    /// <summary>Before version 7 the second operand was broadcast to the first.</summary>
    private static Expression[]? Shape(NodeContext c) =>
        c.Opset < 7 && c.Node.Domain.Length == 0 && c.InputCount == 2 ? c.Dims(0) : Broadcasting.OfInputs(c, Enumerable.Range(0, c.InputCount));
}
