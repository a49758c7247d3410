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
        h = h.View(0, channels, -1).Transpose(0, 2, 1);
        h = m.MultiHead(h, h, channels / headSize, headSize, channels);

        // Height and width have become one axis; only the input knows them.
        h = m.Builder.Node("Reshape", [h.Transpose(0, 2, 1), m.Builder.Node("Shape", [x])]) + x;
        return outputScale == 1 ? h : h / outputScale;
    }

    /// <summary>Attention of queries from one sequence to keys and values from another or the same.</summary>
    /// <param name="m">The place of to_q, to_k, to_v and to_out.0.</param>
    /// <param name="x">Where the queries come from, [batch, length, channels].</param>
    /// <param name="context">Where keys and values come from, [batch, length, channels].</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="headSize">Channels of a head.</param>
    /// <param name="channels">Output channels.</param>
    /// <param name="bias">Whether queries, keys and values have a bias.</param>
    public static Expr MultiHead(this Module m, Expr x, Expr context, long heads, long headSize, long channels, bool bias = true)
    {
        using var scope = m.Enter();
        var inner = heads * headSize;
        var q = Split(m["to_q"].Linear(x, inner, bias) * (1 / Math.Sqrt(headSize)), heads, headSize).Transpose(0, 2, 1, 3);
        var k = Split(m["to_k"].Linear(context, inner, bias), heads, headSize).Transpose(0, 2, 3, 1);
        var v = Split(m["to_v"].Linear(context, inner, bias), heads, headSize).Transpose(0, 2, 1, 3);
        var h = q.MatMul(k).Softmax(-1).MatMul(v);
        return m["to_out"][0].Linear(h.Transpose(0, 2, 1, 3).View(0, -1, inner), channels);
    }

    private static Expr Split(Expr x, long heads, long size) => x.View(0, -1, heads, size);
}
