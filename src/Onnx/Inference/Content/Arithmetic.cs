using System.Numerics;

namespace CompressTool.Onnx.Inference.Content;

/// <summary>
/// Content of element-wise operators. Constants are computed in their own type with single, correctly rounded operations,
/// which every runtime computes alike; small integer tensors also in terms of symbols.
/// </summary>
internal static class Arithmetic
{
    public static void Binary<TOperation>(NodeContext c)
        where TOperation : struct, IBinaryOperation
    {
        if (c.ComputableDims() is not { } dims || c.InputCount == 0 || IsAligned(c))
        {
            return;
        }

        if (Enumerable.Range(0, c.InputCount).All(input => c.Constant(input) is not null))
        {
            var result = c.Constant(0);
            for (var input = 1; input < c.InputCount && result is not null; input++)
            {
                var right = c.Constant(input)!;
                result = Compute<TOperation>(result, right, input == c.InputCount - 1 ? dims : Shape(result, right));
            }

            if (result is not null && c.InputCount > 1)
            {
                c.Fill(0, result);
            }

            return;
        }

        var elements = c.Elements(0);
        var from = c.Fact(0).StaticDims;
        for (var input = 1; input < c.InputCount && elements is not null; input++)
        {
            elements = c.Elements(input) is not { } right ? null
                : Broadcast(elements, from!, right, c.Fact(input).StaticDims!, dims, (x, y) => TOperation.Apply(x, y, c.Type(0).IsFloat()));
            from = dims;
        }

        if (elements is not null && c.InputCount > 1)
        {
            c.Fill(0, elements);
        }
    }

    public static void Compare<TComparison>(NodeContext c)
        where TComparison : struct, IComparison
    {
        if (c.ComputableDims() is not { } dims || IsAligned(c))
        {
            return;
        }

        if (c.Constant(0) is { } left && c.Constant(1) is { } right)
        {
            if (Compare<TComparison>(left, right, dims) is { } bools)
            {
                c.Fill(0, Tensor.Create<bool>(DataType.Bool, dims, bools));
            }
        }
        else if (c.Elements(0) is { } x && c.Elements(1) is { } y)
        {
            c.Fill(0, Broadcast(x, c.Fact(0).StaticDims!, y, c.Fact(1).StaticDims!, dims,
                (a, b) => TComparison.Apply(Expression.Compare(a, b)) is { } known ? Expression.Of(known ? 1 : 0) : null));
        }
    }

    /// <summary>Only the powers 1, 2 and 3 are products, and so the same everywhere.</summary>
    public static void Pow(NodeContext c)
    {
        if (c.ComputableDims() is not { } dims || c.Constant(0) is not { } x || c.Constant(1) is not { Count: 1 } exponent
            || NumberConversion.Cast(exponent, DataType.Double)?.ToArray<double>() is not [var power and (1 or 2 or 3)])
        {
            return;
        }

        long[] own = [.. x.Dims];
        var result = power == 1 ? x : Compute<Multiply>(x, x, own);
        if ((power == 3 && result is not null ? Compute<Multiply>(result, x, own) : result) is { } product)
        {
            c.Fill(0, product.Reshape(dims));
        }
    }

    public static void Cast(NodeContext c)
    {
        var to = c.OutputFact(0).Type;
        if (c.Type(0) == to)
        {
            Movement.Keep(c);
        }
        else if (c.Constant(0) is { } tensor)
        {
            if (NumberConversion.Cast(tensor, to) is { } cast)
            {
                c.Fill(0, cast);
            }
        }
        else if (c.Elements(0) is { } elements)
        {
            // Symbols are sizes: they fit every integer type that an exporter would use.
            c.Fill(0, to == DataType.Bool ? [.. elements.Select(x => x is not null && Expression.Compare(x, 0) is { } sign ? Expression.Of(sign == 0 ? 0 : 1) : null)] : elements);
        }
    }

    public static void Negate(NodeContext c) => Unary(c, x => x * -1, Negated);

    public static void Abs(NodeContext c) => Unary(c, x => x.Minimum >= 0 ? x : x.Number is { } number ? Math.Abs(number) : null, Magnitude);

    /// <summary>Floor, Ceil, Round and the like leave whole numbers alone.</summary>
    public static void Floor(NodeContext c) => Unary(c, x => x, null, Math.Floor);

    public static void Ceil(NodeContext c) => Unary(c, x => x, null, Math.Ceiling);

    /// <summary>Halves go to the even neighbour.</summary>
    public static void Round(NodeContext c) => Unary(c, x => x, null, x => Math.Round(x, MidpointRounding.ToEven));

    public static void Sqrt(NodeContext c) => Unary(c, _ => null, null, Math.Sqrt);

    public static void Reciprocal(NodeContext c) => Unary(c, _ => null, null, x => 1 / x);

    public static void Relu(NodeContext c) => Unary(c, x => Expression.Max(x, 0), Rectified);

    public static void Not(NodeContext c) => Unary(c, x => 1 - x, Inverted);

    /// <summary>Bounds are inputs since version 11.</summary>
    public static void Clip(NodeContext c)
    {
        if (c.Opset < 11 || c.ComputableDims() is not { } dims)
        {
            return;
        }

        if (c.Constant(0) is { } tensor && (!c.Has(1) || c.Constant(1) is not null) && (!c.Has(2) || c.Constant(2) is not null))
        {
            var lower = c.Has(1) ? Compute<Maximum>(tensor, c.Constant(1)!.Reshape(), dims) : tensor;
            if (lower is not null && (c.Has(2) ? Compute<Minimum>(lower, c.Constant(2)!.Reshape(), dims) : lower) is { } result)
            {
                c.Fill(0, result);
            }
        }
        else if (c.Elements(0) is { } elements && (!c.Has(1) || c.Elements(1) is [not null]) && (!c.Has(2) || c.Elements(2) is [not null]))
        {
            var (least, most) = (c.Elements(1)?[0], c.Elements(2)?[0]);
            c.Fill(0, [.. elements.Select(x => x is null ? null : least is null ? x : Expression.Max(x, least)).Select(x => x is null || most is null ? x : Expression.Min(x, most))]);
        }
    }

    /// <summary>Before version 7 an attribute said which axes of the operands belong together.</summary>
    private static bool IsAligned(NodeContext c) => c.Opset < 7 && c.Node.Domain.Length == 0;

    private static void Unary(NodeContext c, Func<Expression, Expression?> symbolic, Func<Tensor, Tensor?>? exact, Func<double, double>? rounded = null)
    {
        if (c.ComputableDims() is null)
        {
            return;
        }

        if (c.Constant(0) is { } tensor && tensor.Type is DataType.Float or DataType.Double)
        {
            // One operation in double and then rounding to float is correctly rounded for these.
            var result = exact?.Invoke(tensor) ?? (rounded is null ? null
                : tensor.Type == DataType.Double ? Tensor.Create<double>(DataType.Double, [.. tensor.Dims], Array.ConvertAll(tensor.ToArray<double>(), x => rounded(x)))
                : Tensor.Create<float>(DataType.Float, [.. tensor.Dims], Array.ConvertAll(tensor.ToArray<float>(), x => (float)rounded(x))));
            if (result is not null)
            {
                c.Fill(0, result);
            }
        }
        else if (c.Constant(0) is { } integers && exact?.Invoke(integers) is { } result)
        {
            c.Fill(0, result);
        }
        else if (c.Elements(0) is { } elements)
        {
            c.Fill(0, Array.ConvertAll(elements, x => x is null ? null : symbolic(x)));
        }
    }

    private static Expression?[] Broadcast(Expression?[] left, long[] leftDims, Expression?[] right, long[] rightDims, long[] dims, Func<Expression, Expression, Expression?> apply)
    {
        var (a, b) = (Strides.Broadcast(leftDims, dims), Strides.Broadcast(rightDims, dims));
        return [.. a.Select((index, position) => left[index] is { } x && right[b[position]] is { } y ? apply(x, y) : null)];
    }

    private static Tensor? Compute<TOperation>(Tensor left, Tensor right, long[] dims)
        where TOperation : struct, IBinaryOperation
    {
        Tensor? Run<T>()
            where T : unmanaged, INumber<T>
        {
            var (x, y) = (left.ToArray<T>(), right.ToArray<T>());
            var (a, b) = (Strides.Broadcast([.. left.Dims], dims), Strides.Broadcast([.. right.Dims], dims));
            var result = new T[a.Length];
            for (var position = 0; position < result.Length; position++)
            {
                result[position] = TOperation.Apply(x[a[position]], y[b[position]]);
            }

            return Tensor.Create<T>(left.Type, dims, result);
        }

        if (left.Type != right.Type)
        {
            return null;
        }

        try
        {
            return left.Type switch
            {
                DataType.Float => Run<float>(),
                DataType.Double => Run<double>(),
                DataType.Int8 => Run<sbyte>(),
                DataType.UInt8 or DataType.Bool => Run<byte>(),
                DataType.Int16 => Run<short>(),
                DataType.UInt16 => Run<ushort>(),
                DataType.Int32 => Run<int>(),
                DataType.UInt32 => Run<uint>(),
                DataType.Int64 => Run<long>(),
                DataType.UInt64 => Run<ulong>(),
                _ => null,
            };
        }
        catch (ArithmeticException)
        {
            // Division by zero and the like: left to the runtime.
            return null;
        }
    }

    private static bool[]? Compare<TComparison>(Tensor left, Tensor right, long[] dims)
        where TComparison : struct, IComparison
    {
        bool[] Run<T>()
            where T : unmanaged, INumber<T>
        {
            var (x, y) = (left.ToArray<T>(), right.ToArray<T>());
            var (a, b) = (Strides.Broadcast([.. left.Dims], dims), Strides.Broadcast([.. right.Dims], dims));
            return [.. a.Select((index, position) => TComparison.Apply(x[index], y[b[position]]))];
        }

        return left.Type != right.Type ? null : left.Type switch
        {
            DataType.Float => Run<float>(),
            DataType.Double => Run<double>(),
            DataType.Int8 => Run<sbyte>(),
            DataType.UInt8 or DataType.Bool => Run<byte>(),
            DataType.Int16 => Run<short>(),
            DataType.UInt16 => Run<ushort>(),
            DataType.Int32 => Run<int>(),
            DataType.UInt32 => Run<uint>(),
            DataType.Int64 => Run<long>(),
            DataType.UInt64 => Run<ulong>(),
            _ => null,
        };
    }

    /// <summary>The shape that two constants are broadcast to; they fit, or inference had complained.</summary>
    private static long[] Shape(Tensor left, Tensor right)
    {
        var dims = new long[Math.Max(left.Dims.Count, right.Dims.Count)];
        for (var axis = 1; axis <= dims.Length; axis++)
        {
            var one = axis <= left.Dims.Count ? left.Dims[^axis] : 1;
            var other = axis <= right.Dims.Count ? right.Dims[^axis] : 1;
            dims[^axis] = one == 1 ? other : one;
        }

        return dims;
    }

    private static Tensor? Negated(Tensor x) => Constant(x.Type, -1) is { } minusOne ? Compute<Multiply>(x, minusOne, [.. x.Dims]) : null;

    private static Tensor? Magnitude(Tensor x) =>
        x.Type is DataType.UInt8 or DataType.UInt16 or DataType.UInt32 or DataType.UInt64 ? x
        : Negated(x) is { } negative ? Compute<Maximum>(x, negative, [.. x.Dims]) : null;

    private static Tensor? Rectified(Tensor x) => Constant(x.Type, 0) is { } zero ? Compute<Maximum>(x, zero, [.. x.Dims]) : null;

    private static Tensor? Inverted(Tensor x) => x.Type == DataType.Bool ? Compute<Xor>(x, Constant(x.Type, 1)!, [.. x.Dims]) : null;

    private static Tensor? Constant(DataType type, long number) => NumberConversion.Cast(Tensor.Int64(number), type);
}
