using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Models;

/// <summary>
/// DiTTransformer2DModel, and Transformer2DModel in the same use: a transformer over patches of a latent, told timestep and class by
/// the scales and shifts of its normalisations (Peebles and Xie 2023). Inputs: sample, timestep, class_labels; the batch is open, height and width are
/// those of the configuration unless others are asked for. Output: out_sample.
/// </summary>
internal static class DiT
{
    private const double Epsilon = 1e-6;
    private const int FrequencyChannels = 256;

    /// <summary>Builds the graph of a DiTTransformer2DModel.</summary>
    public static void Build(Module m, ConfigFile file) => Build(m, file, file.Bind<DiTConfig>(), 1);

    /// <summary>Builds the graph of a Transformer2DModel.</summary>
    public static void BuildTransformer2D(Module m, ConfigFile file)
    {
        var c = file.Bind<Transformer2DConfig>();
        file.Check(c is { PatchSize: not null, InChannels: not null, SampleSize: not null }, "a Transformer2DModel on its own is supported over patches: with patch_size, in_channels and sample_size");
        file.Check(c is { NumVectorEmbeds: null, CrossAttentionDim: null, CaptionChannels: null, DoubleSelfAttention: false, OnlyCrossAttention: false, AttentionType: "default" },
            "num_vector_embeds, cross_attention_dim, caption_channels, double_self_attention, only_cross_attention and attention_type are not supported here");
        Build(m, file, new DiTConfig
        {
            NumAttentionHeads = c.NumAttentionHeads,
            AttentionHeadDim = c.AttentionHeadDim,
            InChannels = c.InChannels!.Value,
            OutChannels = c.OutChannels,
            NumLayers = c.NumLayers,
            AttentionBias = c.AttentionBias,
            SampleSize = c.SampleSize!.Value,
            PatchSize = c.PatchSize!.Value,
            ActivationFn = c.ActivationFn,
            NumEmbedsAdaNorm = c.NumEmbedsAdaNorm,
            NormType = c.NormType,
            NormElementwiseAffine = c.NormElementwiseAffine,
            NormEps = c.NormEps,
        }, c.InterpolationScale ?? Math.Max(c.SampleSize.Value / 64, 1));
    }

    private static void Build(Module m, ConfigFile file, DiTConfig c, double interpolation)
    {
        file.Require("norm_type", c.NormType, "ada_norm_zero");
        file.Require("activation_fn", c.ActivationFn, TransformerBlock.Activations);
        file.Check(c.NumEmbedsAdaNorm is > 0, "norm_type \"ada_norm_zero\" needs num_embeds_ada_norm");
        var (height, width) = m.Context.Size ?? new ImageSize(c.SampleSize, c.SampleSize);
        file.Check(c.PatchSize > 0 && c.SampleSize >= c.PatchSize && height % c.PatchSize == 0 && width % c.PatchSize == 0, $"patch_size {c.PatchSize} does not divide the size {height}x{width}");
        file.Check(c is { NumLayers: > 0, NumAttentionHeads: > 0, AttentionHeadDim: > 0 } && c.NumAttentionHeads * c.AttentionHeadDim % 4 == 0, "num_layers and the product of num_attention_heads and attention_head_dim must be positive, the latter a multiple of 4");
        var b = m.Builder;
        var sample = b.Input("sample", DataType.Float, new Shape(new Dim("batch"), c.InChannels, height, width));
        var timestep = b.Input("timestep", DataType.Int64, new Shape(new Dim("batch")));
        var labels = b.Input("class_labels", DataType.Int64, new Shape(new Dim("batch")));
        var (rows, columns, inner) = (height / c.PatchSize, width / c.PatchSize, c.NumAttentionHeads * c.AttentionHeadDim);
        var positions = b.Constant(Positions.Grid(inner, rows, columns, c.SampleSize / c.PatchSize / interpolation));
        var x = m["pos_embed"].PatchEmbedding(sample, inner, c.PatchSize, positions);
        var options = new TransformerOptions(c.NumAttentionHeads, c.AttentionHeadDim) { AttentionBias = c.AttentionBias, Activation = c.ActivationFn, AffineNorm = c.NormElementwiseAffine, Epsilon = c.NormEps };

        // Every block has an embedding of its own, of the same frequencies.
        Expr frequencies;
        using (m["time_proj"].Enter())
        {
            frequencies = TimestepEmbeddings.Sinusoids(timestep, FrequencyChannels, cosineFirst: true, shift: 1);
        }

        Expr? first = null;
        for (var i = 0; i < c.NumLayers; i++)
        {
            var block = m["transformer_blocks"][i];
            var embedding = Embed(block["norm1"]["emb"], frequencies, labels, c.NumEmbedsAdaNorm!.Value, inner);
            first ??= embedding;
            x = Block(block, x, embedding, options);
        }

        var conditions = Activated(m["proj_out_1"], first!, 2 * inner).Chunk(2, 1);
        x = m["norm_out"].LayerNorm(x, Epsilon, affine: false);
        using (m["norm_out"].Enter())
        {
            x = x.Modulate(conditions[1], conditions[0]);
        }

        var channels = c.OutChannels ?? c.InChannels;
        x = m["proj_out_2"].Linear(x, c.PatchSize * c.PatchSize * channels);
        b.AddOutput("out_sample", Patches.Join(x, rows, columns, c.PatchSize, channels));
    }

    /// <summary>The timestep and the class, one class more standing for none.</summary>
    private static Expr Embed(Module m, Expr frequencies, Expr labels, int classes, int channels)
    {
        var time = m["timestep_embedder"].TimestepMlp(frequencies, channels);
        var table = m["class_embedder"]["embedding_table"].Embedding(labels, classes + 1, channels);
        using var scope = m.Enter();
        return time + table;
    }

    private static Expr Block(Module m, Expr x, Expr embedding, TransformerOptions o)
    {
        using var scope = m.Enter();
        var channels = x.Size(-1);
        var parts = Activated(m["norm1"]["linear"], embedding, 6 * channels).Chunk(6, 1);
        var (shift, scale, gate, feedShift, feedScale, feedGate) = (parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
        var h = m["norm1"]["norm"].LayerNorm(x, Epsilon, affine: false).Modulate(scale, shift);
        x = m["attn1"].MultiHead(h, h, o.Heads, o.HeadSize, channels, o.AttentionBias).Gated(gate) + x;
        h = m["norm3"].LayerNorm(x, o.Epsilon, o.AffineNorm).Modulate(feedScale, feedShift);
        return m["ff"].FeedForward(h, channels, o.Activation).Gated(feedGate) + x;
    }

    private static Expr Activated(Module m, Expr embedding, long outputs)
    {
        using var scope = m.Enter();
        return m.Linear(embedding.Silu(), outputs);
    }
}
