using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>Queries, keys and values of a sequence, [batch, length, heads, size of a head].</summary>
internal sealed record Projections(Expr Queries, Expr Keys, Expr Values);

/// <summary>What is the same in all attentions of a joint transformer.</summary>
/// <param name="Heads">Number of heads.</param>
/// <param name="Normalized">Whether queries and keys are normalised.</param>
/// <param name="Rotation">Turns queries and keys by their positions; null for none. The second argument says whether they are of the context.</param>
internal sealed record JointOptions(long Heads, bool Normalized, Func<Expr, bool, Expr>? Rotation = null);

/// <summary>
/// The parts that transformers of images and texts are made of (Esser et al. 2024): two sequences with weights of their own that attend to
/// both together, told the timestep by scales, shifts and gates.
/// </summary>
internal static class JointAttention
{
    private const double Epsilon = 1e-6;

    /// <summary>Projections of the image.</summary>
    public static Projections Project(this Module m, Expr x, JointOptions o) => Project(m, x, o, "to_q", "to_k", "to_v", "norm_q", "norm_k", false);

    /// <summary>Projections of the context.</summary>
    public static Projections ProjectContext(this Module m, Expr x, JointOptions o) => Project(m, x, o, "add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q", "norm_added_k", true);

    /// <summary>
    /// The embedding of the timestep and of the pooled text, and of the guidance where it is given; behind the activation, as all blocks take it.
    /// </summary>
    /// <param name="m">The place of timestep_embedder, text_embedder and guidance_embedder.</param>
    /// <param name="timestep">The timesteps, [batch].</param>
    /// <param name="guidance">The guidance scales, [batch]; null for none.</param>
    /// <param name="pooled">The pooled texts, [batch, channels].</param>
    /// <param name="channels">Numbers that come out.</param>
    public static Expr TimeAndText(this Module m, Expr timestep, Expr? guidance, Expr pooled, long channels)
    {
        using var scope = m.Enter();
        var embedding = m["timestep_embedder"].TimestepMlp(Frequencies(timestep), channels);
        embedding = guidance is null ? embedding : embedding + m["guidance_embedder"].TimestepMlp(Frequencies(guidance), channels);
        return (embedding + m["text_embedder"].TimestepMlp(pooled, channels)).Silu();

        static Expr Frequencies(Expr x) => TimestepEmbeddings.Sinusoids(x, 256, cosineFirst: true, shift: 0);
    }

    /// <summary>Parts of a map of the condition, each [batch, channels].</summary>
    public static Expr[] Modulation(this Module m, Expr condition, long channels, int parts) => m["linear"].Linear(condition, parts * channels).Chunk(parts, 1);

    /// <summary>Layer normalisation without parameters.</summary>
    public static Expr PlainNorm(this Module m, Expr x) => m["norm"].LayerNorm(x, Epsilon, affine: false);

    /// <summary>A gated feed-forward network added to a sequence.</summary>
    /// <param name="m">The place of the block.</param>
    /// <param name="x">The sequence.</param>
    /// <param name="norm">Name of the normalisation.</param>
    /// <param name="network">Name of the network.</param>
    /// <param name="shift">Shift of the normalisation.</param>
    /// <param name="scale">Scale of the normalisation.</param>
    /// <param name="gate">Gate of the network.</param>
    public static Expr AddFeedForward(this Module m, Expr x, string norm, string network, Expr shift, Expr scale, Expr gate)
    {
        using var scope = m.Enter();
        var h = m[norm].LayerNorm(x, Epsilon, affine: false).Modulate(scale, shift);
        return x + m[network].FeedForward(h, x.Size(-1), "gelu-approximate").Gated(gate);
    }

    private static Projections Project(Module m, Expr x, JointOptions o, string q, string k, string v, string normQ, string normK, bool isContext)
    {
        using var scope = m.Enter();
        var channels = x.Size(-1);
        var (queries, keys, values) = (Heads(q), Heads(k), Heads(v));
        if (o.Normalized)
        {
            (queries, keys) = (m[normQ].RmsNorm(queries, Epsilon), m[normK].RmsNorm(keys, Epsilon));
        }

        return o.Rotation is null ? new(queries, keys, values) : new(o.Rotation(queries, isContext), o.Rotation(keys, isContext), values);

        Expr Heads(string name) => Attention.Split(m[name].Linear(x, channels), o.Heads);
    }
}
