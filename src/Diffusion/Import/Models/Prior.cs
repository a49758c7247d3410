using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Diffusion.Import.Weights;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Models;

/// <summary>
/// PriorTransformer: image embeddings from text embeddings (Ramesh et al. 2022). Inputs: hidden_states (the noisy embedding), timestep,
/// proj_embedding; with texts also encoder_hidden_states and attention_mask, which is true for tokens of the text. Output:
/// predicted_image_embedding.
/// </summary>
internal static class Prior
{
    private const float Hidden = -10000;

    /// <summary>Builds the graph.</summary>
    public static void Build(Module m, ConfigFile file)
    {
        var c = file.Bind<PriorConfig>();
        file.Require("time_embed_act_fn", c.TimeEmbedActFn.ToLowerInvariant(), BasicLayers.Activations);
        file.Require("norm_in_type", c.NormInType ?? "null", "null", "layer");
        file.Require("embedding_proj_norm_type", c.EmbeddingProjNormType ?? "null", "null", "layer");
        file.Require("encoder_hid_proj_type", c.EncoderHidProjType ?? "null", "null", "linear");
        file.Require("added_emb_type", c.AddedEmbType ?? "null", "null", "prd");
        file.Check(c is { NumLayers: > 0, NumAttentionHeads: > 0, AttentionHeadDim: > 0, NumEmbeddings: > 0, AdditionalEmbeddings: >= 0 }, "num_layers, num_attention_heads, attention_head_dim and num_embeddings must be positive");
        var (b, batch, inner) = (m.Builder, new Dim("batch"), (long)c.NumAttentionHeads * c.AttentionHeadDim);
        var (hasTexts, hasToken) = (c.EncoderHidProjType is not null, c.AddedEmbType is not null);
        file.Check(!hasTexts || c.AdditionalEmbeddings == (hasToken ? 4 : 3), $"additional_embeddings {c.AdditionalEmbeddings} are not the embeddings that are added to the texts");

        // Without a token of its own for the result, the embedding is a sequence.
        var noisy = b.Input("hidden_states", DataType.Float, hasToken ? new Shape(batch, c.EmbeddingDim) : new Shape(batch, c.NumEmbeddings, c.EmbeddingDim));
        var timestep = b.Input("timestep", DataType.Int64, new Shape(batch));
        var condition = b.Input("proj_embedding", DataType.Float, new Shape(batch, c.EmbeddingProjDim ?? c.EmbeddingDim));
        var texts = hasTexts ? b.Input("encoder_hidden_states", DataType.Float, new Shape(batch, c.NumEmbeddings, c.EmbeddingDim)) : null;
        var parts = new List<Expr>();
        if (texts is not null)
        {
            parts.Add(m["encoder_hidden_states_proj"].Linear(texts, inner));
        }

        condition = c.EmbeddingProjNormType is null ? condition : m["embedding_proj_norm"].LayerNorm(condition);
        parts.Add(m["embedding_proj"].Linear(condition, inner).View(0, 1, inner));
        parts.Add(Time(m, timestep, c, inner).View(0, 1, inner));
        var before = (texts is null ? 0 : c.NumEmbeddings) + 2;
        var projected = m["proj_in"].Linear(noisy, inner);
        parts.Add(hasToken ? projected.View(0, 1, inner) : projected);
        var length = before + (hasToken ? 2 : c.NumEmbeddings);
        if (hasToken)
        {
            // The same token for every sample: added to zeros of the batch.
            parts.Add((parts[^1] * 0) + m.Parameter("prd_embedding", Initialization.Zeros, 1, 1, inner));
        }

        var x = b.Concat(1, parts) + Positions(m, c, inner, length, before, hasToken ? 1 : 0);
        var mask = hasTexts ? Mask(b, b.Input("attention_mask", DataType.Bool, new Shape(batch, c.NumEmbeddings)), c, length) : null;
        x = c.NormInType is null ? x : m["norm_in"].LayerNorm(x);
        var options = new TransformerOptions(c.NumAttentionHeads, c.AttentionHeadDim) { AttentionBias = true, Activation = "gelu" };
        for (var i = 0; i < c.NumLayers; i++)
        {
            x = m["transformer_blocks"][i].Transformer(x, null, options, mask);
        }

        x = m["norm_out"].LayerNorm(x);
        x = hasToken ? x.Part(1, length - 1).View(0, inner) : x.Part(1, before);
        var channels = c.ClipEmbedDim ?? c.EmbeddingDim;
        b.AddOutput("predicted_image_embedding", m["proj_to_clip_embeddings"].Linear(x, channels));

        // What samples are scaled by at the very end, outside the model.
        m.Keep("clip_mean", Initialization.Zeros, 1, channels);
        m.Keep("clip_std", Initialization.Zeros, 1, channels);
    }

    private static Expr Time(Module m, Expr timestep, PriorConfig c, long inner)
    {
        Expr frequencies;
        using (m["time_proj"].Enter())
        {
            frequencies = TimestepEmbeddings.Sinusoids(timestep, inner, cosineFirst: true, shift: 0);
        }

        return m["time_embedding"].TimestepMlp(frequencies, c.TimeEmbedDim ?? inner, c.TimeEmbedActFn, inner);
    }

    /// <summary>Trained positions; where there are fewer than places, the first ones and the last have none.</summary>
    private static Expr Positions(Module m, PriorConfig c, long inner, int length, int before, int after)
    {
        var count = c.NumEmbeddings + c.AdditionalEmbeddings;
        var positions = m.Parameter("positional_embedding", Initialization.Zeros, 1, count, inner);
        return count >= length ? positions : positions.Pad([0, before, 0], [0, after, 0]);
    }

    /// <summary>Later places are hidden, and the places of texts that have no token.</summary>
    private static Expr Mask(GraphBuilder b, Expr attended, PriorConfig c, int length)
    {
        var numbers = new float[length * length];
        for (var row = 0; row < length; row++)
        {
            numbers.AsSpan((row * length) + row + 1, length - row - 1).Fill(Hidden);
        }

        var hidden = (1 - attended.Cast(DataType.Float)) * Hidden;
        return b.Node("Pad", [hidden, b.Int64s(0, 0, 0, c.AdditionalEmbeddings)]).View(-1, 1, 1, length) + b.Constant(Tensor.Floats([1, 1, length, length], numbers));
    }
}
