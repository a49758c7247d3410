using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>Attention (Vaswani et al. 2017).</summary>
internal static class Attention
{
    /// <summary>
    /// Self-attention over the places of an image, normalised before and added to its input behind (the attention of pixel-space U-Nets
    /// and of autoencoders).
    /// </summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The image, [batch, channels, height, width].</param>
    /// <param name="headSize">Channels of a head.</param>
    /// <param name="groups">Groups of the normalisation; null for none.</param>
    /// <param name="epsilon">Of the normalisation.</param>
    /// <param name="outputScale">What the sum is divided by.</param>
    public static Expr ImageAttention(this Module m, Expr x, long headSize, int? groups, double epsilon, double outputScale)
    {
        using var scope = m.Enter();
        var channels = x.Size(1);
        var h = groups is { } count ? m["group_norm"].GroupNorm(x, count, epsilon) : x;
        h = ToSequence(h);
        h = ToImage(m.MultiHead(h, h, channels / headSize, headSize, channels), x) + x;
        return outputScale == 1 ? h : h / outputScale;
    }

    /// <summary>The places of an image as a sequence: [batch, height * width, channels].</summary>
    public static Expr ToSequence(Expr image) => image.View(0, image.Size(1), -1).Transpose(0, 2, 1);

    /// <summary>A sequence as an image again. Height and width have become one axis; only an image of the same shape knows them.</summary>
    public static Expr ToImage(Expr sequence, Expr like) =>
        sequence.Builder.Node("Reshape", [sequence.Transpose(0, 2, 1), sequence.Builder.Node("Shape", [like])]);

    /// <summary>Attention of queries from one sequence to keys and values from another or the same.</summary>
    /// <param name="m">The place of to_q, to_k, to_v and to_out.0.</param>
    /// <param name="x">Where the queries come from, [batch, length, channels].</param>
    /// <param name="context">Where keys and values come from, [batch, length, channels].</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="headSize">Channels of a head.</param>
    /// <param name="channels">Output channels.</param>
    /// <param name="bias">Whether queries, keys and values have a bias.</param>
    /// <param name="mask">Added to the scores before the softmax; null for none.</param>
    public static Expr MultiHead(this Module m, Expr x, Expr context, long heads, long headSize, long channels, bool bias = true, Expr? mask = null)
    {
        using var scope = m.Enter();
        var inner = heads * headSize;
        var (q, k, v) = (m["to_q"].Linear(x, inner, bias), m["to_k"].Linear(context, inner, bias), m["to_v"].Linear(context, inner, bias));
        return m["to_out"][0].Linear(m.Attend(q, k, v, heads, mask), channels);
    }

    /// <summary>softmax(Q K^T / sqrt(size of a head)) V, of [batch, length, channels], in heads.</summary>
    /// <param name="m">The place that names the nodes.</param>
    /// <param name="q">Queries.</param>
    /// <param name="k">Keys.</param>
    /// <param name="v">Values.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="mask">Added to the scores [batch, heads, queries, keys] before the softmax; null for none.</param>
    public static Expr Attend(this Module m, Expr q, Expr k, Expr v, long heads, Expr? mask = null)
    {
        using var scope = m.Enter();
        return heads == 1 && mask is null
            ? (q * (1 / Math.Sqrt(q.Size(-1)))).MatMul(k.Transpose(0, 2, 1)).Softmax(-1).MatMul(v)
            : m.AttendInHeads(Split(q, heads), Split(k, heads), Split(v, heads), mask);
    }

    /// <summary>softmax(Q K^T / sqrt(size of a head)) V, of [batch, length, heads, size of a head].</summary>
    /// <param name="m">The place that names the nodes.</param>
    /// <param name="q">Queries.</param>
    /// <param name="k">Keys.</param>
    /// <param name="v">Values.</param>
    /// <param name="mask">Added to the scores before the softmax; null for none.</param>
    /// <returns>[batch, length, channels].</returns>
    public static Expr AttendInHeads(this Module m, Expr q, Expr k, Expr v, Expr? mask = null)
    {
        using var scope = m.Enter();

        // The scale stands directly before the product, where the runtime makes it a part of that.
        var queries = q.Transpose(0, 2, 1, 3) * (1 / Math.Sqrt(q.Size(-1)));
        var scores = queries.MatMul(k.Transpose(0, 2, 3, 1));
        return (mask is null ? scores : scores + mask).Softmax(-1).MatMul(v.Transpose(0, 2, 1, 3)).Transpose(0, 2, 1, 3).View(0, -1, q.Size(2) * q.Size(3));
    }

    /// <summary>[batch, length, channels] as [batch, length, heads, size of a head].</summary>
    public static Expr Split(Expr x, long heads) => x.View(0, -1, heads, x.Size(-1) / heads);
}
