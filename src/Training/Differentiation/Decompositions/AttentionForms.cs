using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Decompositions;

/// <summary>Attention in one operator: softmax(scale Q K^T + mask) V (Vaswani et al. 2017). Sizes: B batch, S queries, T keys, d numbers per head.</summary>
internal static class AttentionForms
{
    public static readonly Dictionary<string, Decomposition> All = new()
    {
        ["Attention"] = Standard,
        ["com.microsoft:MultiHeadAttention"] = MultiHead,
        ["com.microsoft:Attention"] = WithProjection,
    };

    /// <summary>The standard operator. Inputs: Q, K, V with heads as an axis or inside the last one, mask, past keys and values, lengths of padded keys.</summary>
    private static IReadOnlyList<Expr?> Standard(OperatorContext n)
    {
        var hasHeads = n[0].Rank == 4;
        var query = hasHeads ? n[0] : SplitHeads(n[0], n.Int("q_num_heads", 1));
        var keys = hasHeads ? n[1] : SplitHeads(n[1], n.Int("kv_num_heads", 1));
        var values = hasHeads ? n[2] : SplitHeads(n[2], n.Int("kv_num_heads", 1));
        var past = 0L;
        if (n.Optional(4) is { } pastKeys && n.Optional(5) is { } pastValues)
        {
            past = pastKeys.Dims[2];
            (keys, values) = (n.Builder.Concat(2, pastKeys, keys), n.Builder.Concat(2, pastValues, values));
        }

        var scale = n.Float("scale", 0);
        var products = Products(query, Repeat(keys, query), scale == 0 ? 1 / Math.Sqrt(query.Dims[3]) : scale);
        // The cap comes before the mask, as the specification has been corrected in ONNX 1.22: hidden keys shall stay hidden.
        var softcap = n.Float("softcap", 0);
        var capped = softcap > 0 ? (products * (1 / softcap)).Tanh() * softcap : products;
        var scores = n.Optional(3) switch
        {
            null => capped,
            { Type: DataType.Bool } mask => mask.Where(capped, Lowest(capped)),
            var mask => capped + mask,
        };
        if (n.Optional(6) is { } lengths)
        {
            scores = (lengths.Reshape(-1, 1, 1, 1) > Range(n.Builder, keys.Dims[2]).Reshape(1, 1, 1, -1)).Where(scores, Lowest(scores));
        }

        if (n.Int("is_causal", 0) != 0)
        {
            if (n.Optional(6) is not null)
            {
                throw n.Unsupported("is_causal together with lengths of padded keys");
            }

            scores = Causal(scores, past).Where(scores, Lowest(scores));
        }

        var weights = scores.Softmax(3);
        var result = weights.MatMul(Repeat(values, query));
        return [hasHeads ? result : JoinHeads(result), keys, values, n.Int("qk_matmul_output_mode", 0) switch { 1 => capped, 2 => scores, 3 => weights, _ => products }];
    }

    /// <summary>com.microsoft: queries, keys and values, with heads apart or packed; bias, padding mask, bias of scores, past keys and values.</summary>
    private static IReadOnlyList<Expr?> MultiHead(OperatorContext n)
    {
        var heads = n.Int("num_heads", 1);
        var (query, key, value) = Unpacked(n);
        if (n.Optional(3) is { } bias)
        {
            var (size, total) = (query.Dims[2], bias.Count);
            query += bias.Slice(0, 0, size);
            key = key.Rank == 3 ? key + bias.Slice(0, size, 2 * size) : key;
            value = value.Rank == 3 ? value + bias.Slice(0, 2 * size, total) : value;
        }

        var keys = key.Rank == 4 ? key : SplitHeads(key, heads);
        var values = value.Rank == 4 ? value : SplitHeads(value, heads);
        var past = 0L;
        if (n.Optional(6) is { } pastKeys && n.Optional(7) is { } pastValues)
        {
            past = pastKeys.Dims[2];
            (keys, values) = (n.Builder.Concat(2, pastKeys, keys), n.Builder.Concat(2, pastValues, values));
        }

        var (result, products) = Attend(n, SplitHeads(query, heads), keys, values, n.Optional(4), n.Optional(5), past);
        return [result, keys, values, products];
    }

    /// <summary>Queries, keys and values, which may be packed by head: all into [B,S,heads,3,d], or the last two into [B,T,heads,2,d].</summary>
    private static (Expr Query, Expr Key, Expr Value) Unpacked(OperatorContext n)
    {
        Expr Part(Expr packed, int part) => packed.Slice(3, part, part + 1).Reshape(packed.Dims[0], packed.Dims[1], packed.Dims[2] * packed.Dims[4]);
        return (n[0].Rank, n.Optional(1)?.Rank) switch
        {
            (5, _) => (Part(n[0], 0), Part(n[0], 1), Part(n[0], 2)),
            (_, 5) => (n[0], Part(n[1], 0), Part(n[1], 1)),
            _ => (n[0], n[1], n[2]),
        };
    }

    /// <summary>com.microsoft: input [B,S,C], weights [C, queries + keys + values], bias, mask, past [2,B,heads,P,d], bias of scores.</summary>
    private static IReadOnlyList<Expr?> WithProjection(OperatorContext n)
    {
        if (n.Int("do_rotary", 0) != 0)
        {
            throw n.Unsupported("do_rotary is set");
        }

        var heads = n.Int("num_heads", 1);
        var width = n[1].Dims[1];
        var sizes = n.Ints("qkv_hidden_sizes") ?? [width / 3, width / 3, width / 3];
        var projected = n[0].MatMul(n[1]);
        projected = n.Optional(2) is { } bias ? projected + bias : projected;
        var query = SplitHeads(projected.Slice(2, 0, sizes[0]), heads);
        var keys = SplitHeads(projected.Slice(2, sizes[0], sizes[0] + sizes[1]), heads);
        var values = SplitHeads(projected.Slice(2, sizes[0] + sizes[1], width), heads);
        var length = 0L;
        if (n.Optional(4) is { } past)
        {
            var dims = past.Dims[1..];
            length = dims[2];
            keys = n.Builder.Concat(2, past.Slice(0, 0, 1).Reshape(dims), keys);
            values = n.Builder.Concat(2, past.Slice(0, 1, 2).Reshape(dims), values);
        }

        var (result, _) = Attend(n, query, keys, values, n.Optional(3), n.Optional(5), length);
        return [result, n.OutputCount > 1 ? n.Builder.Concat(0, keys.Unsqueeze(0), values.Unsqueeze(0)) : null];
    }

    /// <summary>What both operators of com.microsoft do with heads apart.</summary>
    private static (Expr Result, Expr Scores) Attend(OperatorContext n, Expr query, Expr keys, Expr values, Expr? mask, Expr? bias, long past)
    {
        var scale = n.Float("scale", 0);
        var scores = Products(query, keys, scale == 0 ? 1 / Math.Sqrt(query.Dims[3]) : scale);
        scores = bias is null ? scores : scores + bias;
        if (mask is not null)
        {
            // Hidden keys are not cut off, their scores are lowered.
            scores += Visible(n, mask, query, keys).Where(scores.Number(0), scores.Number(n.Float("mask_filter_value", -10000)));
        }

        if (n.Int("unidirectional", 0) != 0)
        {
            scores = Causal(scores, past).Where(scores, Lowest(scores));
        }

        return (JoinHeads(scores.Softmax(3).MatMul(values)), scores);
    }

    /// <summary>Which keys a mask shows: given by key [B,T], by query and key [B,S,T], or as the number of keys [B].</summary>
    private static Expr Visible(OperatorContext n, Expr mask, Expr query, Expr keys)
    {
        var (batch, total) = (query.Dims[0], keys.Dims[2]);
        return mask.Dims switch
        {
            [var b, var t] when b == batch && t == total => (mask > 0).Reshape(b, 1, 1, t),
            [var b, var s, var t] when b == batch && t == total => (mask > 0).Reshape(b, 1, s, t),
            [var b] when b == batch => mask.Cast(DataType.Int64).Reshape(b, 1, 1, 1) > Range(n.Builder, total).Reshape(1, 1, 1, total),
            var dims => throw n.Unsupported($"a mask of the shape [{string.Join(',', dims)}]"),
        };
    }

    private static Expr Products(Expr query, Expr keys, double scale) => (query * scale).MatMul(keys, false, true);

    /// <summary>Where a query comes after a key, or at it: [S,T], the queries being the last of all positions.</summary>
    private static Expr Causal(Expr scores, long past)
    {
        var (queries, keys) = (scores.Dims[2], scores.Dims[3]);
        return Range(scores.Builder, queries, past).Reshape(queries, 1) >= Range(scores.Builder, keys).Reshape(1, keys);
    }

    /// <summary>Keys or values for each head of the queries, where several of these share one.</summary>
    internal static Expr Repeat(Expr x, Expr query)
    {
        var (b, heads, t, d) = (x.Dims[0], x.Dims[1], x.Dims[2], x.Dims[3]);
        var shared = query.Dims[1] / heads;
        return shared == 1 ? x : x.Unsqueeze(2).Expand(b, heads, shared, t, d).Reshape(b, heads * shared, t, d);
    }

    /// <summary>[B,S,heads * d] as [B,heads,S,d].</summary>
    private static Expr SplitHeads(Expr x, long heads) => x.Reshape(x.Dims[0], x.Dims[1], heads, x.Dims[2] / heads).Transpose(0, 2, 1, 3);

    /// <summary>[B,heads,S,d] as [B,S,heads * d].</summary>
    internal static Expr JoinHeads(Expr x) => x.Transpose(0, 2, 1, 3).Reshape(x.Dims[0], x.Dims[2], x.Dims[1] * x.Dims[3]);

    /// <summary>A score that softmax makes nothing of.</summary>
    internal static Expr Lowest(Expr scores) => scores.Number(scores.Type == DataType.Float16 ? -65504 : -3e38);

    private static Expr Range(GraphBuilder builder, long count, long start = 0) =>
        builder.Int64s([.. Enumerable.Range(0, checked((int)count)).Select(index => start + index)]);
}
