namespace CompressTool.Training.Tests.Differentiation.Rules.References;

/// <summary>Attention and rotary embeddings.</summary>
internal static class Attentions
{
    public static readonly Dictionary<string, Func<Reference, double[][]>> All = new()
    {
        ["Attention"] = Standard,
        ["com.microsoft:MultiHeadAttention"] = MultiHead,
        ["com.microsoft:Attention"] = WithProjection,
        ["com.microsoft:GroupQueryAttention"] = GroupQuery,
        ["RotaryEmbedding"] = Rotary,
        ["com.microsoft:RotaryEmbedding"] = MicrosoftRotary,
    };

    private static double[][] Standard(Reference r)
    {
        var hasHeads = r[0].Rank == 4;
        var query = hasHeads ? r[0] : SplitHeads(r[0], r.Int("q_num_heads", 1));
        var keys = Join(r.Optional(4), hasHeads ? r[1] : SplitHeads(r[1], r.Int("kv_num_heads", 1)));
        var values = Join(r.Optional(5), hasHeads ? r[2] : SplitHeads(r[2], r.Int("kv_num_heads", 1)));
        var past = r.Optional(4)?.Dims[2] ?? 0;
        var mask = r.Optional(3);
        var isBool = r.IsBool(3);
        var (scale, cap) = (r.Float("scale", 0), r.Float("softcap", 0));
        var products = Scores(query, keys, scale == 0 ? 1 / Math.Sqrt(query.Dims[3]) : scale);
        var capped = products.Map(score => cap > 0 ? cap * Math.Tanh(score / cap) : score);
        var masked = Nd.Of(products.Dims, index => capped[index] + (mask is null || isBool ? 0 : mask[index]));
        bool IsHidden(int[] index) => (isBool && mask![index] == 0) || (r.Int("is_causal", 0) == 1 && index[3] > index[2] + past) || index[3] >= (r.Optional(6)?[index[0]] ?? double.MaxValue);
        var scores = Nd.Of(products.Dims, index => IsHidden(index) ? double.NegativeInfinity : masked[index]);
        var weights = Softmax(scores);
        var result = Weighted(weights, values);
        return Present(r, hasHeads ? result : JoinHeads(result), keys, values, r.Int("qk_matmul_output_mode", 0) switch { 1 => capped, 2 => masked, 3 => weights, _ => products });
    }

    private static double[][] MultiHead(Reference r)
    {
        var heads = r.Int("num_heads", 1);
        Nd Part(Nd x, int part) => Nd.Of([x.Dims[0], x.Dims[1], heads * x.Dims[4]], index => x[index[0], index[1], index[2] / x.Dims[4], part, index[2] % x.Dims[4]]);
        var (query, key, value) = r[0].Rank == 5 ? (Part(r[0], 0), Part(r[0], 1), Part(r[0], 2)) : r[1].Rank == 5 ? (r[0], Part(r[1], 0), Part(r[1], 1)) : (r[0], r[1], r[2]);
        var (size, bias) = (query.Dims[2], r.Optional(3));
        Nd Biased(Nd x, int start) => bias is null || x.Rank == 4 ? x : Nd.Of(x.Dims, index => x[index] + bias[start + index[2]]);
        Nd Split(Nd x) => x.Rank == 4 ? x : SplitHeads(x, heads);
        var keys = Join(r.Optional(6), Split(Biased(key, size)));
        var values = Join(r.Optional(7), Split(Biased(value, 2 * size)));
        var (result, scores) = Attend(r, SplitHeads(Biased(query, 0), heads), keys, values, r.Optional(4), r.Optional(5), r.Optional(6)?.Dims[2] ?? 0);
        return Present(r, result, keys, values, scores);
    }

    private static double[][] GroupQuery(Reference r)
    {
        var (heads, shared) = (r.Int("num_heads", 1), r.Int("kv_num_heads", 1));
        var size = r[0].Dims[2] / (r.Optional(1) is null ? heads + (2 * shared) : heads);
        Nd Part(Nd x, int start, int count) => SplitHeads(Nd.Of([x.Dims[0], x.Dims[1], count * size], index => x[index[0], index[1], (start * size) + index[2]]), count);
        var query = Part(r[0], 0, heads);
        var keys = r.Optional(1) is { } key ? Part(key, 0, shared) : Part(r[0], heads, shared);
        var values = r.Optional(2) is { } value ? Part(value, 0, shared) : Part(r[0], heads + shared, shared);
        if (r.Int("do_rotary", 0) == 1)
        {
            (query, keys) = (Turned(r, query), Turned(r, keys));
        }

        var (scale, cap, window) = (r.Float("scale", 0), r.Float("softcap", 0), r.Int("local_window_size", -1));
        var products = Scores(query, keys, scale == 0 ? 1 / Math.Sqrt(size) : scale);
        var scores = Nd.Of(products.Dims, index => index[3] > index[2] || (window > 0 && index[2] - index[3] >= window) ? double.NegativeInfinity
            : cap > 0 ? cap * Math.Tanh(products[index] / cap) : products[index]);
        return Present(r, JoinHeads(Weighted(Softmax(scores), values)), keys, values, scores);
    }

    /// <summary>Pairs of each head [B,heads,S,size] as complex numbers, turned by the angle of their position.</summary>
    private static Nd Turned(Reference r, Nd x)
    {
        var (cosines, sines, pairs) = (r[7], r[8], r[7].Dims[1]);
        var isInterleaved = r.Int("rotary_interleaved", 0) == 1;
        return Nd.Of(x.Dims, index =>
        {
            var (pair, isSecond) = isInterleaved ? (index[3] / 2, index[3] % 2 == 1) : (index[3] % pairs, index[3] >= pairs);
            var (first, second) = isInterleaved ? (2 * pair, (2 * pair) + 1) : (pair, pair + pairs);
            var (a, b) = (x[index[0], index[1], index[2], first], x[index[0], index[1], index[2], second]);
            var (cos, sin) = (cosines[index[2], pair], sines[index[2], pair]);
            return isSecond ? (sin * a) + (cos * b) : (cos * a) - (sin * b);
        });
    }

    private static double[][] WithProjection(Reference r)
    {
        var (x, weight, bias, heads) = (r[0], r[1], r.Optional(2), r.Int("num_heads", 1));
        var width = weight.Dims[1];
        var sizes = r.Ints("qkv_hidden_sizes") ?? [width / 3, width / 3, width / 3];
        var projected = Nd.Of([x.Dims[0], x.Dims[1], width], index => (bias?[index[2]] ?? 0) + Enumerable.Range(0, x.Dims[2]).Sum(c => x[index[0], index[1], c] * weight[c, index[2]]));
        Nd Part(int start, int size) => SplitHeads(Nd.Of([x.Dims[0], x.Dims[1], size], index => projected[index[0], index[1], start + index[2]]), heads);
        var past = r.Optional(4);
        Nd? Past(int number) => past is null ? null : Nd.Of(past.Dims[1..], index => past[[number, .. index]]);
        var (keys, values) = (Join(Past(0), Part(sizes[0], sizes[1])), Join(Past(1), Part(sizes[0] + sizes[1], sizes[2])));
        var (result, _) = Attend(r, Part(0, sizes[0]), keys, values, r.Optional(3), r.Optional(5), past?.Dims[3] ?? 0);
        return r.Setting.Outputs == "1" ? [result.Data] : [result.Data, [.. keys.Data, .. values.Data]];
    }

    /// <summary>The attention of both operators of com.microsoft.</summary>
    private static (Nd Result, Nd Scores) Attend(Reference r, Nd query, Nd keys, Nd values, Nd? mask, Nd? bias, int past)
    {
        var scale = r.Float("scale", 0);
        var products = Scores(query, keys, scale == 0 ? 1 / Math.Sqrt(query.Dims[3]) : scale);
        bool IsVisible(int[] index) => mask switch
        {
            null => true,
            { Rank: 1 } => index[3] < mask[index[0]],
            { Rank: 2 } => mask[index[0], index[3]] > 0,
            _ => mask[index[0], index[2], index[3]] > 0,
        };
        var scores = Nd.Of(products.Dims, index => products[index] + (bias?[index] ?? 0) + (IsVisible(index) ? 0 : r.Float("mask_filter_value", -10000)));
        var causal = Nd.Of(scores.Dims, index => r.Int("unidirectional", 0) == 1 && index[3] > index[2] + past ? double.NegativeInfinity : scores[index]);
        return (JoinHeads(Weighted(Softmax(causal), values)), scores);
    }

    private static Nd Scores(Nd query, Nd keys, double scale)
    {
        var shared = query.Dims[1] / keys.Dims[1];
        return Nd.Of([query.Dims[0], query.Dims[1], query.Dims[2], keys.Dims[2]],
            index => scale * Enumerable.Range(0, query.Dims[3]).Sum(d => query[index[0], index[1], index[2], d] * keys[index[0], index[1] / shared, index[3], d]));
    }

    private static Nd Softmax(Nd scores)
    {
        var result = Nd.Zeros(scores.Dims);
        foreach (var row in Normalizations.Slices(scores.Dims, [3]))
        {
            var sum = row.Sum(index => Math.Exp(scores[index]));
            row.ForEach(index => result[index] = Math.Exp(scores[index]) / sum);
        }

        return result;
    }

    private static Nd Weighted(Nd weights, Nd values)
    {
        var shared = weights.Dims[1] / values.Dims[1];
        return Nd.Of([.. weights.Dims[..3], values.Dims[3]],
            index => Enumerable.Range(0, values.Dims[2]).Sum(t => weights[index[0], index[1], index[2], t] * values[index[0], index[1] / shared, t, index[3]]));
    }

    private static double[][] Present(Reference r, Nd result, Nd keys, Nd values, Nd scores) =>
        [.. new[] { result, keys, values, scores }.Zip(r.Setting.Outputs.Split(',')).Where(pair => pair.Second == "1").Select(pair => pair.First.Data)];

    private static Nd SplitHeads(Nd x, int heads) =>
        Nd.Of([x.Dims[0], heads, x.Dims[1], x.Dims[2] / heads], index => x[index[0], index[2], (index[1] * (x.Dims[2] / heads)) + index[3]]);

    private static Nd JoinHeads(Nd x) =>
        Nd.Of([x.Dims[0], x.Dims[2], x.Dims[1] * x.Dims[3]], index => x[index[0], index[2] / x.Dims[3], index[1], index[2] % x.Dims[3]]);

    private static Nd Join(Nd? past, Nd present) => past is null ? present
        : Nd.Of([present.Dims[0], present.Dims[1], past.Dims[2] + present.Dims[2], present.Dims[3]],
            index => index[2] < past.Dims[2] ? past[index] : present[index[0], index[1], index[2] - past.Dims[2], index[3]]);

    private static double[][] Rotary(Reference r)
    {
        var size = r[0].Rank == 4 ? r[0].Dims[3] : r[0].Dims[2] / r.Int("num_heads", 1);
        var positions = r.Optional(3);
        Func<int, int, int, (double, double)> angle = positions is null ? (b, s, pair) => (r[1][b, s, pair], r[2][b, s, pair])
            : (b, s, pair) => (r[1][(int)positions[b, s], pair], r[2][(int)positions[b, s], pair]);
        return [Rotate(r, size, angle)];
    }

    private static double[][] MicrosoftRotary(Reference r)
    {
        var size = r[0].Rank == 4 ? r[0].Dims[3] : r.Int("num_heads", 0) is > 0 and var heads ? r[0].Dims[2] / heads : r[2].Dims[1] * 2;
        int Position(int b, int s) => (int)(r[1].Rank == 1 ? r[1][0] + s : r[1][b, s]);
        return [Rotate(r, size, (b, s, pair) => (r[2][Position(b, s), pair], r[3][Position(b, s), pair]))];
    }

    private static double[] Rotate(Reference r, int size, Func<int, int, int, (double Cos, double Sin)> angle)
    {
        var x = r[0].Rank == 4 ? r[0] : SplitHeads(r[0], r[0].Dims[2] / size);
        var rotated = r.Int("rotary_embedding_dim", 0) is > 0 and var part ? part : size;
        var isInterleaved = r.Int("interleaved", 0) == 1;
        var result = Nd.Of(x.Dims, index =>
        {
            var at = index[3];
            if (at >= rotated)
            {
                return x[index];
            }

            var pair = isInterleaved ? at / 2 : at % (rotated / 2);
            var isSecond = isInterleaved ? at % 2 == 1 : at >= rotated / 2;
            var (cos, sin) = angle(index[0], index[2], pair);
            var first = x[index[0], index[1], index[2], isInterleaved ? 2 * pair : pair];
            var second = x[index[0], index[1], index[2], isInterleaved ? (2 * pair) + 1 : pair + (rotated / 2)];
            return isSecond ? (sin * first) + (cos * second) : (cos * first) - (sin * second);
        });
        return r[0].Rank == 4 ? result.Data : JoinHeads(result).Data;
    }
}
