namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Matrix products.</summary>
internal static class Products
{
    public static void MatMul(NodeContext c) => c.Set(0, c.SameType(0, 1), MatMul(c, c.Dims(0), c.Dims(1)));

    /// <summary>com.microsoft: MatMul with transposed operands.</summary>
    public static void FusedMatMul(NodeContext c)
    {
        var a = Transposed(c.Dims(0), c.Int("transA", 0) != 0, c.Int("transBatchA", 0) != 0);
        var b = Transposed(c.Dims(1), c.Int("transB", 0) != 0, c.Int("transBatchB", 0) != 0);
        c.Set(0, c.SameType(0, 1), MatMul(c, a, b));
    }

    public static void MatMulInteger(NodeContext c) => c.Set(0, DataType.Int32, MatMul(c, c.Dims(0), c.Dims(1)));

    /// <summary>com.microsoft: A, B, scale of A, scale of B.</summary>
    public static void MatMulIntegerToFloat(NodeContext c) => c.Set(0, c.Type(2), MatMul(c, c.Dims(0), c.Dims(1)));

    /// <summary>com.microsoft: A, quantized B, scale of B.</summary>
    public static void DynamicQuantizeMatMul(NodeContext c) => c.Set(0, c.Type(0), MatMul(c, c.Dims(0), c.Dims(1)));

    /// <summary>Inputs: a, scale, zero point, b, scale, zero point, output scale, zero point.</summary>
    public static void QLinearMatMul(NodeContext c) => c.Set(0, c.Type(7), MatMul(c, c.Dims(0), c.Dims(3)));

    public static void Gemm(NodeContext c) => c.Set(0, c.SameType(0, 1), Gemm(c, c.Dims(0, 2), c.Dims(1, 2), 2));

    /// <summary>com.microsoft: a, scale, zero point, b, scale, zero point, bias, output scale, zero point; without the last two the output is float.</summary>
    public static void QGemm(NodeContext c) => c.Set(0, c.Has(8) ? c.Type(8) : c.Type(1), Gemm(c, c.Dims(0, 2), c.Dims(3, 2), 6));

    /// <summary>com.microsoft: a weight of N columns of K numbers, quantized in blocks and packed.</summary>
    public static void MatMulNBits(NodeContext c)
    {
        Expression[]? dims = null;
        if (c.DimsFrom(0, 1) is { } a)
        {
            var k = c.Int("K", 0);
            if (Expression.Differ(a[^1], k))
            {
                throw c.Mismatch($"its input {NodeContext.Show(a)} does not fit its weight of {k} rows and {c.Int("N", 0)} columns");
            }

            dims = [.. a[..^1], c.Int("N", 0)];
        }

        c.Set(0, c.Type(0), dims);
    }

    public static void Einsum(NodeContext c)
    {
        Expression[]? dims = null;
        var equation = EinsumEquation.Parse(c);
        if (equation.Extents(c) is { } extents)
        {
            dims = [.. equation.Output(c).SelectMany(label => extents[label])];
        }

        c.Set(0, c.SameType([.. Enumerable.Range(0, c.InputCount)]), dims);
    }

    /// <summary>The shape of a product, vectors and batches as in numpy's matmul; null when unknown.</summary>
    private static Expression[]? MatMul(NodeContext c, Expression[]? a, Expression[]? b)
    {
        if (a is null || b is null)
        {
            return null;
        }

        if (a.Length == 0 || b.Length == 0)
        {
            throw c.Mismatch($"a scalar has no matrix product: {NodeContext.Show(a)} and {NodeContext.Show(b)}");
        }

        Expression[] left = a.Length == 1 ? [1, .. a] : a;
        Expression[] right = b.Length == 1 ? [.. b, 1] : b;
        if (Expression.Differ(left[^1], right[^2]))
        {
            throw c.Mismatch($"the inner sizes of {NodeContext.Show(a)} and {NodeContext.Show(b)} differ");
        }

        return [.. Broadcasting.Of(c, left[..^2], right[..^2]), .. a.Length == 1 ? left[..0] : [left[^2]], .. b.Length == 1 ? right[..0] : [right[^1]]];
    }

    private static Expression[]? Gemm(NodeContext c, Expression[]? a, Expression[]? b, int bias)
    {
        if (a is null || b is null)
        {
            return null;
        }

        var (rows, inner) = c.Int("transA", 0) == 0 ? (a[0], a[1]) : (a[1], a[0]);
        var (innerB, columns) = c.Int("transB", 0) == 0 ? (b[0], b[1]) : (b[1], b[0]);
        if (Expression.Differ(inner, innerB))
        {
            throw c.Mismatch($"the inner sizes of {NodeContext.Show(a)}{(c.Int("transA", 0) == 0 ? "" : " (transposed)")} and {NodeContext.Show(b)}{(c.Int("transB", 0) == 0 ? "" : " (transposed)")} differ");
        }

        Expression[] dims = [rows, columns];
        if (c.Dims(bias) is { } added && (added.Length > 2 || added.Index().Any(dim => dim.Item.Number != 1 && Expression.Differ(dim.Item, dims[2 - added.Length + dim.Index]))))
        {
            throw c.Mismatch($"its bias {NodeContext.Show(added)} does not broadcast to {NodeContext.Show(dims)}");
        }

        return dims;
    }

    private static Expression[]? Transposed(Expression[]? dims, bool matrix, bool batch)
    {
        if (dims is null || dims.Length < 2)
        {
            return dims;
        }

        dims = batch ? [.. dims[1..^1], dims[0], dims[^1]] : dims;
        return matrix ? [.. dims[..^2], dims[^1], dims[^2]] : dims;
    }
}
