using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Diffusion.Import.Weights;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Models;

/// <summary>
/// SD3Transformer2DModel: the transformer of Stable Diffusion 3 and 3.5 (Esser et al. 2024). Inputs: sample, timestep (not whole in
/// general), encoder_hidden_states [batch, sequence, channels], pooled_projections. Height and width are those of the configuration unless
/// others are asked for. Output: out_sample.
/// </summary>
internal static class SD3
{
    /// <summary>Builds the graph.</summary>
    public static void Build(Module m, ConfigFile file)
    {
        var c = file.Bind<SD3Config>();
        var (height, width) = m.Context.Size ?? new ImageSize(c.SampleSize, c.SampleSize);
        var (channels, batch, b) = (c.NumAttentionHeads * c.AttentionHeadDim, new Dim("batch"), m.Builder);
        Check(c, file, height, width, channels);
        var (rows, columns) = (height / c.PatchSize, width / c.PatchSize);
        var sample = b.Input("sample", DataType.Float, new Shape(batch, c.InChannels, height, width));
        var timestep = b.Input("timestep", DataType.Float, new Shape(batch));
        var texts = b.Input("encoder_hidden_states", DataType.Float, new Shape(batch, new Dim("sequence"), c.JointAttentionDim));
        var pooled = b.Input("pooled_projections", DataType.Float, new Shape(batch, c.PooledProjectionDim));
        var x = m["pos_embed"].PatchEmbedding(sample, channels, c.PatchSize, Positions(m["pos_embed"], c, rows, columns, channels));
        var condition = m["time_text_embed"].TimeAndText(timestep, null, pooled, channels);
        Expr? context = m["context_embedder"].Linear(texts, c.CaptionProjectionDim);
        var options = new JointOptions(c.NumAttentionHeads, c.QkNorm is not null);
        for (var i = 0; i < c.NumLayers; i++)
        {
            (x, context) = Block(m["transformer_blocks"][i], x, context!, condition, options, c.DualAttentionLayers.Contains(i), isLast: i == c.NumLayers - 1);
        }

        var output = c.OutChannels ?? c.InChannels;
        x = m["proj_out"].Linear(m["norm_out"].ConditionedNorm(x, condition), c.PatchSize * c.PatchSize * output);
        b.AddOutput("out_sample", Patches.Join(x, rows, columns, c.PatchSize, output));
    }

    private static void Check(SD3Config c, ConfigFile file, int height, int width, int channels)
    {
        file.Require("qk_norm", c.QkNorm ?? "null", "null", "rms_norm");
        file.Check(c is { NumLayers: > 0, NumAttentionHeads: > 0, AttentionHeadDim: > 0 } && channels % 4 == 0, "num_layers and the product of num_attention_heads and attention_head_dim must be positive, the latter a multiple of 4");
        file.Check(c.CaptionProjectionDim == channels, $"caption_projection_dim {c.CaptionProjectionDim} is not the product of num_attention_heads and attention_head_dim, {channels}");
        file.Check(c.PatchSize > 0 && height % c.PatchSize == 0 && width % c.PatchSize == 0, $"patch_size {c.PatchSize} does not divide the size {height}x{width}");
        file.Check(Math.Max(height, width) / c.PatchSize <= c.PosEmbedMaxSize, $"the size {height}x{width} has more patches than there are positions, {c.PosEmbedMaxSize} in each direction");
    }

    /// <summary>The middle of a table of positions that is part of the checkpoint.</summary>
    private static Expr Positions(Module m, SD3Config c, int rows, int columns, int channels)
    {
        using var scope = m.Enter();
        var size = c.PosEmbedMaxSize;
        var table = Layers.Positions.Grid(channels, size, size, (double)c.SampleSize / c.PatchSize);
        var (top, left) = ((size - rows) / 2, (size - columns) / 2);
        var grid = m.Buffer("pos_embed", new Initialization.Given(table), 1, size * size, channels).View(1, size, size, channels);
        return grid.Part(1, top, top + rows).Part(2, left, left + columns).View(1, rows * columns, channels);
    }

    private static (Expr X, Expr? Context) Block(Module m, Expr x, Expr context, Expr condition, JointOptions o, bool isDual, bool isLast)
    {
        using var scope = m.Enter();
        var (channels, attention) = (x.Size(-1), m["attn"]);

        // Shift, scale and gate of the attention, then of the network, then of the second attention.
        var image = m["norm1"].Modulation(condition, channels, isDual ? 9 : 6);
        var normalized = m["norm1"].PlainNorm(x);
        var own = attention.Project(normalized.Modulate(image[1], image[0]), o);
        Expr[] text = isLast ? [] : m["norm1_context"].Modulation(condition, channels, 6);
        var other = attention.ProjectContext(isLast ? m["norm1_context"].ConditionedNorm(context, condition) : m["norm1_context"].PlainNorm(context).Modulate(text[1], text[0]), o);
        var (keys, values) = (m.Builder.Concat(1, own.Keys, other.Keys), m.Builder.Concat(1, own.Values, other.Values));

        // The last block has queries of the context, whose result goes nowhere; they are part of the checkpoint.
        var attended = isLast
            ? attention.AttendInHeads(m.Builder.Concat(1, own.Queries, other.Queries), keys, values).Part(1, 0, x.Size(1))
            : attention.AttendInHeads(own.Queries, keys, values);
        var result = x + attention["to_out"][0].Linear(attended, channels).Gated(image[2]);
        if (isDual)
        {
            var second = m["attn2"].Project(normalized.Modulate(image[7], image[6]), o);
            result += m["attn2"]["to_out"][0].Linear(m["attn2"].AttendInHeads(second.Queries, second.Keys, second.Values), channels).Gated(image[8]);
        }

        result = m.AddFeedForward(result, "norm2", "ff", image[3], image[4], image[5]);
        if (isLast)
        {
            return (result, null);
        }

        context += attention["to_add_out"].Linear(attention.AttendInHeads(other.Queries, keys, values), channels).Gated(text[2]);
        return (result, m.AddFeedForward(context, "norm2_context", "ff_context", text[3], text[4], text[5]));
    }
}
