using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>What the blocks of a transformer have in common.</summary>
/// <param name="Heads">Number of heads.</param>
/// <param name="HeadSize">Channels of a head.</param>
internal sealed record TransformerOptions(long Heads, long HeadSize)
{
    /// <summary>Whether queries, keys and values have a bias.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>The activation of the feed-forward network, one of <see cref="TransformerBlock.Activations"/>.</summary>
    public string Activation { get; init; } = "geglu";

    /// <summary>Whether the first attention goes to the context too.</summary>
    public bool OnlyCrossAttention { get; init; }

    /// <summary>Whether the second attention goes to the sequence itself.</summary>
    public bool DoubleSelfAttention { get; init; }

    /// <summary>Whether normalisations have parameters.</summary>
    public bool AffineNorm { get; init; } = true;

    /// <summary>Of the normalisations.</summary>
    public double Epsilon { get; init; } = 1e-5;
}

/// <summary>Blocks of attention and feed-forward networks.</summary>
internal static class TransformerBlock
{
    /// <summary>The activations of feed-forward networks that are known.</summary>
    public static IReadOnlyList<string> Activations { get; } = ["geglu", "gelu", "gelu-approximate", "geglu-approximate", "swiglu", "linear-silu"];

    /// <summary>Self-attention, attention to a context, and a feed-forward network, each normalised before and added to its input.</summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The sequence, [batch, length, channels].</param>
    /// <param name="context">The context, [batch, length, channels]; null for none.</param>
    /// <param name="o">Its options.</param>
    /// <param name="mask">Added to the scores of the first attention; null for none.</param>
    public static Expr Transformer(this Module m, Expr x, Expr? context, TransformerOptions o, Expr? mask = null)
    {
        using var scope = m.Enter();
        var channels = x.Size(-1);
        var h = m["norm1"].LayerNorm(x, o.Epsilon, o.AffineNorm);
        x = m["attn1"].MultiHead(h, o.OnlyCrossAttention ? context ?? h : h, o.Heads, o.HeadSize, channels, o.AttentionBias, mask) + x;
        if (context is not null || o.DoubleSelfAttention)
        {
            h = m["norm2"].LayerNorm(x, o.Epsilon, o.AffineNorm);
            x = m["attn2"].MultiHead(h, o.DoubleSelfAttention ? h : context!, o.Heads, o.HeadSize, channels, o.AttentionBias) + x;
        }

        return m["ff"].FeedForward(m["norm3"].LayerNorm(x, o.Epsilon, o.AffineNorm), channels, o.Activation) + x;
    }

    /// <summary>Two linear layers with an activation between them, four times as wide.</summary>
    /// <param name="m">The place of net.0 and net.2.</param>
    /// <param name="x">The input.</param>
    /// <param name="channels">Output channels.</param>
    /// <param name="activation">One of <see cref="Activations"/>.</param>
    public static Expr FeedForward(this Module m, Expr x, long channels, string activation)
    {
        using var scope = m.Enter();
        var inner = 4 * x.Size(-1);
        var isGated = activation is "geglu" or "swiglu";
        var h = m["net"][0]["proj"].Linear(x, isGated ? 2 * inner : inner);
        using (m["net"][0].Enter())
        {
            h = activation switch
            {
                "gelu" => h.Gelu(),
                "gelu-approximate" => h.Gelu(approximate: true),
                "geglu-approximate" => h * (1.702 * h).Sigmoid(),
                "linear-silu" => h.Silu(),
                _ => Gated(h, activation == "swiglu"),
            };
        }

        return m["net"][2].Linear(h, channels);
    }

    /// <summary>One half times the activation of the other (Shazeer 2020).</summary>
    private static Expr Gated(Expr x, bool silu)
    {
        var parts = x.Chunk(2, -1);
        return parts[0] * (silu ? parts[1].Silu() : parts[1].Gelu());
    }

    /// <summary>A transformer over the places of an image, between projections, added to its input (Rombach et al. 2022).</summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The image, [batch, channels, height, width].</param>
    /// <param name="context">The context, [batch, length, channels]; null for none.</param>
    /// <param name="layers">Number of blocks.</param>
    /// <param name="groups">Groups of the normalisation.</param>
    /// <param name="linear">Whether the projections are linear layers or convolutions of size 1.</param>
    /// <param name="o">Options of the blocks.</param>
    public static Expr ImageTransformer(this Module m, Expr x, Expr? context, int layers, int groups, bool linear, TransformerOptions o)
    {
        using var scope = m.Enter();
        var (channels, inner) = (x.Size(1), o.Heads * o.HeadSize);
        var h = m["norm"].GroupNorm(x, groups, 1e-6);
        h = linear ? m["proj_in"].Linear(Attention.ToSequence(h), inner) : Attention.ToSequence(m["proj_in"].Conv2d(h, inner, kernel: 1, padding: 0));
        for (var i = 0; i < layers; i++)
        {
            h = m["transformer_blocks"][i].Transformer(h, context, o);
        }

        h = linear ? Attention.ToImage(m["proj_out"].Linear(h, channels), x) : m["proj_out"].Conv2d(Attention.ToImage(h, x), channels, kernel: 1, padding: 0);
        return h + x;
    }
}
