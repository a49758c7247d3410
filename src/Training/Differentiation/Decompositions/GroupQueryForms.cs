using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Decompositions;

/// <summary>
/// Attention whose keys and values are shared by groups of heads, over a whole sequence (Ainslie et al. 2023). Sizes: B batch,
/// S positions, d numbers per head. Where sequences are shorter than S, what the operator gives behind their ends means nothing,
/// and must not enter a loss.
/// </summary>
internal static class GroupQueryForms
{
    public static readonly Dictionary<string, Decomposition> All = new()
    {
        ["com.microsoft:GroupQueryAttention"] = GroupQuery,
    };

    /// <summary>Inputs: queries [B,S,heads * d], or these, keys and values packed; keys, values, their past, lengths, total length, cosines, sines, positions, bias of scores.</summary>
    private static IReadOnlyList<Expr?> GroupQuery(OperatorContext n)
    {
        if (n.Optional(3) is { } past && past.Dims[2] != 0)
        {
            throw n.Unsupported("it goes on from past keys; train on whole sequences");
        }

        if (n.Int("smooth_softmax", 0) != 0 || n.Optional(11) is not null)
        {
            throw n.Unsupported("smooth_softmax or a head sink is set");
        }

        var (heads, shared) = (n.Int("num_heads", 1), n.Int("kv_num_heads", 1));
        var (query, key, value) = Unpacked(n, heads, shared);
        if (n.Int("do_rotary", 0) != 0)
        {
            (query, key) = (Rotate(n, query), Rotate(n, key));
        }

        Expr Turn(Expr x) => x.Transpose(0, 2, 1, 3);
        var (queries, keys, values) = (Turn(query), Turn(key), Turn(value));
        var scale = n.Float("scale", 0);
        var scores = (queries * (scale == 0 ? 1 / Math.Sqrt(queries.Dims[3]) : scale)).MatMul(AttentionForms.Repeat(keys, queries), false, true);
        var cap = n.Float("softcap", 0);
        scores = cap > 0 ? (scores * (1 / cap)).Tanh() * cap : scores;
        scores = n.Optional(10) is { } bias ? scores + bias : scores;
        scores = Visible(n, scores.Dims[2]).Where(scores, AttentionForms.Lowest(scores));
        return [AttentionForms.JoinHeads(scores.Softmax(3).MatMul(AttentionForms.Repeat(values, queries)))];
    }

    /// <summary>Queries, keys and values as [B,S,heads,d].</summary>
    private static (Expr Query, Expr Key, Expr Value) Unpacked(OperatorContext n, long heads, long shared)
    {
        var (batch, length, width) = (n[0].Dims[0], n[0].Dims[1], n[0].Dims[2]);
        Expr Split(Expr x, long count) => x.Reshape(batch, length, count, x.Dims[2] / count);
        if (n.Optional(1) is { } key)
        {
            return (Split(n[0], heads), Split(key, shared), Split(n[2], shared));
        }

        var size = width / (heads + (2 * shared));
        return (Split(n[0].Slice(2, 0, heads * size), heads), Split(n[0].Slice(2, heads * size, (heads + shared) * size), shared), Split(n[0].Slice(2, (heads + shared) * size, width), shared));
    }

    /// <summary>Which keys a query sees: itself and those before, as far as the window reaches.</summary>
    private static Expr Visible(OperatorContext n, long length)
    {
        var positions = n.Builder.Int64s([.. Enumerable.Range(0, checked((int)length)).Select(index => (long)index)]);
        var distance = positions.Reshape(length, 1) - positions.Reshape(1, length);
        var isBefore = distance >= 0;
        return n.Int("local_window_size", -1) is > 0 and var window ? isBefore & (distance < window) : isBefore;
    }

    /// <summary>Rotated by angles that grow with the position, from 0 unless positions are given.</summary>
    private static Expr Rotate(OperatorContext n, Expr x)
    {
        Expr Table(Expr table) => n.Optional(9) is { } positions
            ? n.Builder.Node("Gather", [table, positions], Attribute.Int("axis", 0)).Unsqueeze(2)
            : table.Slice(0, 0, x.Dims[1]).Unsqueeze(0, 2);
        return RotaryForms.Turn(x, Table(n[7]), Table(n[8]), 2 * n[7].Dims[1], n.Int("rotary_interleaved", 0) != 0);
    }
}
