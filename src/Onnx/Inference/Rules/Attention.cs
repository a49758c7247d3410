namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Attention in one operator. Sizes: B batch, S queries, T keys, d numbers per head.</summary>
internal static class Attention
{
    /// <summary>The standard operator: Q, K, V with heads as an axis (4-D) or inside the last one (3-D), mask, past keys and values.</summary>
    public static void Standard(NodeContext c)
    {
        if (c.DimsFrom(0, 3) is not { } q || c.Dims(1, q.Length) is not { } k || c.Dims(2, q.Length) is not { } v)
        {
            c.Set(0, c.Type(0), null);
            return;
        }

        if (q.Length > 4)
        {
            throw c.Mismatch($"{c.What(0)} {NodeContext.Show(q)} has more than 4 dimensions");
        }

        var (queryHeads, keyHeads) = (c.Int("q_num_heads", 1), c.Int("kv_num_heads", 1));
        var hasHeads = q.Length == 4;
        var (heads, keptHeads) = hasHeads ? (q[1], k[1]) : (queryHeads, keyHeads);
        var keySize = hasHeads ? k[3] : PerHead(c, k[2], keyHeads);
        var valueSize = hasHeads ? v[3] : PerHead(c, v[2], keyHeads);
        if (keptHeads.Number == 0 || heads.Number % keptHeads.Number > 0)
        {
            throw c.Mismatch($"the {heads} heads of the queries cannot share {keptHeads} heads of keys");
        }

        if (Expression.Differ(hasHeads ? q[3] : PerHead(c, q[2], queryHeads), keySize))
        {
            throw c.Mismatch($"the heads of the queries {NodeContext.Show(q)} and the keys {NodeContext.Show(k)} have different sizes");
        }

        var total = k[^2] + (c.Dims(4, 4) is { } past ? past[2] : 0);
        c.Set(0, c.Type(0), hasHeads ? [q[0], q[1], q[2], valueSize] : [q[0], q[1], valueSize * queryHeads]);
        c.Set(1, c.Type(1), q[0], keptHeads, total, keySize);
        c.Set(2, c.Type(2), q[0], keptHeads, total, valueSize);
        c.Set(3, c.Type(0), q[0], heads, q[^2], total);
    }

    /// <summary>com.microsoft: input [B,S,C], weights [C, queries + keys + values], bias, mask, past [2,B,heads,P,d].</summary>
    public static void WithProjection(NodeContext c)
    {
        var x = c.Dims(0, 3);
        var weight = c.Dims(1, 2);
        var heads = c.Int("num_heads", 1);
        var values = c.Ints("qkv_hidden_sizes") is [_, _, var size] ? size : weight is null ? null : Expression.DivideExactly(weight[1], 3) ?? c.Opaque(0, 2);
        if (x is not null && weight is not null && Expression.Differ(x[2], weight[0]))
        {
            throw c.Mismatch($"its input {NodeContext.Show(x)} does not fit its weight {NodeContext.Show(weight)}");
        }

        var type = c.Node.OpType == "QAttention" ? c.Type(3) : c.Type(0);
        var past = c.Node.OpType == "QAttention" ? 8 : 4;
        c.Set(0, type, x is null || values is null ? null : [x[0], x[1], values]);
        c.Set(1, type, x is null || values is null ? null : [2, x[0], heads, x[1] + (c.Dims(past, 5) is { } p ? p[3] : 0), PerHead(c, values, heads)]);
    }

    /// <summary>com.microsoft: queries [B,S,H], or all three packed [B,S,heads,3,d]; keys [B,T,H], packed with values [B,T,heads,2,d], or with heads apart [B,heads,T,d].</summary>
    public static void MultiHead(NodeContext c)
    {
        var heads = c.Int("num_heads", 1);
        if (c.DimsFrom(0, 3) is not { } q)
        {
            c.Set(0, c.Type(0), null);
            return;
        }

        var packed = q.Length == 5;
        var keys = c.Dims(1);
        var size = packed ? q[4] : PerHead(c, q[2], heads);
        var valueSize = c.Dims(2) switch
        {
            { Length: 4 } v => v[3],
            { Length: 3 } v => PerHead(c, v[2], heads),
            _ => size,
        };
        var present = packed ? q[1] : keys is { Length: 4 } ? keys[2] : keys is { Length: > 2 } ? keys[1] : c.Opaque(1, 2);
        present += c.Dims(6, 4) is { } past ? past[2] : 0;
        c.Set(0, c.Type(0), q[0], q[1], valueSize * heads);
        c.Set(1, c.Type(0), q[0], heads, present, size);
        c.Set(2, c.Type(0), q[0], heads, present, valueSize);
    }

    /// <summary>com.microsoft: fewer heads of keys and values than of queries; all three may be packed into the first input.</summary>
    public static void GroupQuery(NodeContext c)
    {
        if (c.Dims(0, 3) is not { } q)
        {
            c.Set(0, c.Type(0), null);
            return;
        }

        var heads = c.Int("num_heads", 1);
        var keptHeads = c.Int("kv_num_heads", 1);
        var size = PerHead(c, q[2], c.Has(1) ? heads : heads + (2 * keptHeads));
        c.Set(0, c.Type(0), q[0], q[1], size * heads);
        for (var output = 1; output <= 2; output++)
        {
            c.Set(output, c.Type(0), q[0], keptHeads, c.Opaque(output, 2), size);
        }
    }

    private static Expression PerHead(NodeContext c, Expression size, long heads) => Expression.DivideExactly(size, heads)
        ?? (size.Number is null ? Expression.FloorDivide(size, heads) : null) ?? throw c.Mismatch($"{size} cannot be split into {heads} heads");
}
