using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Diffusion.Import.Models;

/// <summary>
/// FluxTransformer2DModel: blocks of two sequences, then blocks of one. Inputs: sample [batch, image_sequence, channels] (patches of the
/// latent), timestep and guidance from 0 to 1 and as a scale, encoder_hidden_states, pooled_projections, img_ids and txt_ids [length, 3]: the
/// positions. All lengths are open. Output: out_sample, as sample.
/// </summary>
internal static class Flux
{
    private const double Theta = 10000, Timesteps = 1000;

    /// <summary>Builds the graph.</summary>
    public static void Build(Module m, ConfigFile file)
    {
        var c = file.Bind<FluxConfig>();
        file.Check(c is { NumAttentionHeads: > 0, AttentionHeadDim: > 0, NumLayers: >= 0, NumSingleLayers: >= 0 } && c.NumLayers + c.NumSingleLayers > 0, "num_attention_heads, attention_head_dim and the number of layers must be positive");
        file.Check(c.AxesDimsRope.Count > 0 && c.AxesDimsRope.Sum() == c.AttentionHeadDim && c.AxesDimsRope.All(size => size > 0 && size % 2 == 0), $"axes_dims_rope must be even numbers that add up to attention_head_dim, {c.AttentionHeadDim}");
        var (b, batch, channels, axes) = (m.Builder, new Dim("batch"), c.NumAttentionHeads * c.AttentionHeadDim, c.AxesDimsRope.Count);
        var (images, sequence) = (new Dim("image_sequence"), new Dim("sequence"));
        var sample = b.Input("sample", DataType.Float, new Shape(batch, images, c.InChannels));
        var timestep = b.Input("timestep", DataType.Float, new Shape(batch));
        var texts = b.Input("encoder_hidden_states", DataType.Float, new Shape(batch, sequence, c.JointAttentionDim));
        var pooled = b.Input("pooled_projections", DataType.Float, new Shape(batch, c.PooledProjectionDim));
        var imagePositions = b.Input("img_ids", DataType.Float, new Shape(images, axes));
        var textPositions = b.Input("txt_ids", DataType.Float, new Shape(sequence, axes));
        var guidance = c.GuidanceEmbeds ? b.Input("guidance", DataType.Float, new Shape(batch)) * Timesteps : null;
        var x = m["x_embedder"].Linear(sample, channels);
        var condition = m["time_text_embed"].TimeAndText(timestep * Timesteps, guidance, pooled, channels);
        var context = m["context_embedder"].Linear(texts, channels);
        var (imageAngles, textAngles) = (Rotation.Of(m["pos_embed"], imagePositions, c), Rotation.Of(m["pos_embed"], textPositions, c));
        var options = new JointOptions(c.NumAttentionHeads, true, (heads, isContext) => (isContext ? textAngles : imageAngles).Turn(heads));
        for (var i = 0; i < c.NumLayers; i++)
        {
            (x, context) = Block(m["transformer_blocks"][i], x, context, condition, options);
        }

        if (c.NumSingleLayers > 0)
        {
            var joined = b.Concat(1, context, x);
            var angles = Rotation.Of(m["pos_embed"], b.Concat(0, textPositions, imagePositions), c);
            var single = options with { Rotation = (heads, _) => angles.Turn(heads) };
            for (var i = 0; i < c.NumSingleLayers; i++)
            {
                joined = Single(m["single_transformer_blocks"][i], joined, condition, single);
            }

            // The image comes behind the text, whose length only the input knows.
            var length = b.Node("Shape", [texts], Attribute.Int("start", 1), Attribute.Int("end", 2));
            x = b.Node("Slice", [joined, length, b.Int64s(long.MaxValue), b.Int64s(1)]);
        }

        x = m["norm_out"].ConditionedNorm(x, condition);
        b.AddOutput("out_sample", m["proj_out"].Linear(x, c.PatchSize * c.PatchSize * (c.OutChannels ?? c.InChannels)));
    }

    private static (Expr X, Expr Context) Block(Module m, Expr x, Expr context, Expr condition, JointOptions o)
    {
        using var scope = m.Enter();
        var (channels, attention) = (x.Size(-1), m["attn"]);
        var (image, text) = (m["norm1"].Modulation(condition, channels, 6), m["norm1_context"].Modulation(condition, channels, 6));
        var own = attention.Project(m["norm1"].PlainNorm(x).Modulate(image[1], image[0]), o);
        var other = attention.ProjectContext(m["norm1_context"].PlainNorm(context).Modulate(text[1], text[0]), o);
        var (keys, values) = (m.Builder.Concat(1, other.Keys, own.Keys), m.Builder.Concat(1, other.Values, own.Values));
        x += attention["to_out"][0].Linear(attention.AttendInHeads(own.Queries, keys, values), channels).Gated(image[2]);
        context += attention["to_add_out"].Linear(attention.AttendInHeads(other.Queries, keys, values), channels).Gated(text[2]);
        return (m.AddFeedForward(x, "norm2", "ff", image[3], image[4], image[5]), m.AddFeedForward(context, "norm2_context", "ff_context", text[3], text[4], text[5]));
    }

    /// <summary>Attention and network side by side.</summary>
    private static Expr Single(Module m, Expr x, Expr condition, JointOptions o)
    {
        using var scope = m.Enter();
        var channels = x.Size(-1);
        var parts = m["norm"].Modulation(condition, channels, 3);
        var h = m["norm"].PlainNorm(x).Modulate(parts[1], parts[0]);
        var network = m["proj_mlp"].Linear(h, 4 * channels).Gelu(approximate: true);
        var own = m["attn"].Project(h, o);
        var attended = m["attn"].AttendInHeads(own.Queries, own.Keys, own.Values);
        return x + m["proj_out"].Linear(m.Builder.Concat(2, attended, network), channels).Gated(parts[2]);
    }

    /// <summary>Turns pairs of numbers by angles that grow with the position (Su et al. 2021), in parts for each direction.</summary>
    private sealed record Rotation(Expr Cosines, Expr Sines, Expr Swapped)
    {
        /// <summary>The angles of positions, [length, directions].</summary>
        public static Rotation Of(Module m, Expr positions, FluxConfig c)
        {
            using var scope = m.Enter();
            var (b, size) = (m.Builder, c.AttentionHeadDim);
            var (frequencies, signs, order) = (new float[c.AxesDimsRope.Count * size], new float[size], new long[size]);
            var start = 0;
            foreach (var (axis, count) in c.AxesDimsRope.Index())
            {
                for (var i = 0; i < count; i++)
                {
                    frequencies[(axis * size) + start + i] = (float)(1 / Math.Pow(Theta, (double)(i / 2 * 2) / count));
                }

                start += count;
            }

            for (var i = 0; i < size; i++)
            {
                (signs[i], order[i]) = (i % 2 == 0 ? -1 : 1, i ^ 1);
            }

            // One direction has a part in each number, so that the product adds nothing but zeros to it.
            var angles = positions.MatMul(b.Constant(Tensor.Floats([c.AxesDimsRope.Count, size], frequencies))).View(1, -1, 1, size);
            return new Rotation(angles.Cos(), angles.Sin() * b.Constant(Tensor.Floats([size], signs)), b.Int64s(order));
        }

        /// <summary>Turned queries or keys, [batch, length, heads, size of a head].</summary>
        public Expr Turn(Expr x) => (x * Cosines) + (x.Builder.Node("Gather", [x, Swapped], Attribute.Int("axis", -1)) * Sines);
    }
}
