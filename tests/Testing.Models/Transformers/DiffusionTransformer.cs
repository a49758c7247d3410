using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>
/// Diffusion transformer (Peebles and Xie 2023), as in its own code: layer normalisation without parameters, whose shift and scale come
/// from timestep and class. Its feed-forward networks are gated (Shazeer 2020).
/// </summary>
public static class DiffusionTransformer
{
    private const long Width = 48;
    private const long Heads = 4;
    private const int Depth = 2;
    private const long Patch = 2;
    private const long Channels = 4;
    private const long Places = 4;

    /// <summary>Labels are below this.</summary>
    public const int Classes = 10;

    /// <summary>Builds it for latents x [batch, 4, 8, 8], timesteps t [batch] and labels y [batch].</summary>
    /// <param name="isDynamic">Whether the batch is open.</param>
    public static Model Build(bool isDynamic = false)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root;
        var image = graph.Input("x", DataType.Float, graph.Batch, Channels, Places * Patch, Places * Patch);
        var (t, y) = (graph.Input("t", DataType.Float, graph.Batch), graph.Input("y", DataType.Int64, graph.Batch));
        var x = m.Add(m["x_embedder"].PatchEmbed(image, Width, Patch), m.Parameter("pos_embed", 0, 0.5, 1, Places * Places, Width));
        var c = m.Add(EmbedTimestep(m["t_embedder"], t), m["y_embedder"]["embedding_table"].Embedding(y, Classes + 1, Width));
        for (var index = 0; index < Depth; index++)
        {
            x = Block(m["blocks", index], x, c);
        }

        var final = m["final_layer"];
        var modulation = Modulation(final, c, 2);
        x = Modulate(final, final["norm_final"].LayerNorm(x, 1e-6, affine: false), modulation[0], modulation[1]);
        x = final["linear"].Linear(x, Patch * Patch * Channels);
        return graph.Finish(("output", Unpatchify(m, x)));
    }

    private static Value EmbedTimestep(Module m, Value t)
    {
        // Timesteps of tests are near 1; so are the frequencies.
        var frequencies = Enumerable.Range(0, 8).Select(index => (float)Math.Pow(2, index - 4)).ToArray();
        var angles = m.Mul(m.Unsqueeze(t, 1), m.Constant(Tensor.Floats([1, frequencies.Length], frequencies)));
        var waves = m.Concat(-1, m.Node("Cos", [angles]), m.Node("Sin", [angles]));
        return m["mlp"][2].Linear(m["mlp"][1].Silu(m["mlp"][0].Linear(waves, Width)), Width);
    }

    private static Value Block(Module m, Value x, Value c)
    {
        var modulation = Modulation(m, c, 6);
        var h = Modulate(m, m["norm1"].LayerNorm(x, 1e-6, affine: false), modulation[0], modulation[1]);
        x = m.Add(x, m.Mul(m.Unsqueeze(modulation[2], 1), m["attn"].FusedAttention(h, Heads)));
        h = Modulate(m, m["norm2"].LayerNorm(x, 1e-6, affine: false), modulation[3], modulation[4]);
        return m.Add(x, m.Mul(m.Unsqueeze(modulation[5], 1), GatedMlp(m["mlp"], h)));
    }

    private static Value[] Modulation(Module m, Value c, int parts)
    {
        var place = m["adaLN_modulation"];
        return m.Chunk(place[1].Linear(place[0].Silu(c), parts * Width), parts, 1);
    }

    private static Value Modulate(Module m, Value x, Value shift, Value scale)
    {
        var scaled = m.Mul(x, m.Add(m.Unsqueeze(scale, 1), 1));
        return m.Add(scaled, m.Unsqueeze(shift, 1));
    }

    /// <summary>GEGLU: one projection makes values and gates.</summary>
    private static Value GatedMlp(Module m, Value x)
    {
        var halves = m["net", 0].Chunk(m["net", 0]["proj"].Linear(x, 2 * 4 * Width), 2, -1);
        return m["net", 2].Linear(m["net", 0].Mul(halves[0], m["net", 0].Gelu(halves[1])), Width);
    }

    /// <summary>The patches as an image again; the axes are moved by einsum in one form and by permute in the other.</summary>
    private static Value Unpatchify(Module m, Value x)
    {
        x = m.Reshape(x, m.Size(x, 0), Places, Places, Patch, Patch, Channels);
        var moved = m.Graph.IsDynamic ? m.Transpose(x, 0, 5, 1, 3, 2, 4) : m.Node("Einsum", [x], Attribute.String("equation", "nhwpqc->nchpwq"));
        return m.Reshape(moved, m.Size(moved, 0), Channels, Places * Patch, Places * Patch);
    }
}
