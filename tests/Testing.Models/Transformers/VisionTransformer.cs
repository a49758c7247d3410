using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>Vision transformer (Dosovitskiy et al. 2021), as in timm: one projection for queries, keys and values, a class token.</summary>
public static class VisionTransformer
{
    private const long Width = 48;
    private const int Heads = 3;

    /// <summary>Channels of a head in published models, which wide ones get.</summary>
    private const long HeadSize = 64;
    private const int Depth = 3;

    /// <summary>Builds it for images [batch, 3, side, side] in patches of 8 x 8.</summary>
    /// <param name="isDynamic">Whether the batch is open.</param>
    /// <param name="opset">Version of the operators; before 17 layer normalisation is decomposed.</param>
    /// <param name="scale">How many times as many channels.</param>
    /// <param name="side">Height and width of the images.</param>
    public static Model Build(bool isDynamic = false, int opset = 17, int scale = 1, int side = 32)
    {
        var graph = new ExporterGraph(isDynamic, opset);
        var m = graph.Root;
        var width = Width * scale;
        var heads = (int)Math.Max(Heads, width / HeadSize);
        var x = m["patch_embed"].PatchEmbed(graph.Input("input", DataType.Float, graph.Batch, 3, side, side), width, 8);
        var token = m.Expand(m.Parameter("cls_token", 0, 1, 1, 1, width), m.Size(x, 0), -1, -1);
        x = m.Concat(1, token, x);
        x = m.Add(x, m.Parameter("pos_embed", 0, 0.5, 1, x.Shape![1].Value!.Value, width));
        for (var index = 0; index < Depth; index++)
        {
            var block = m["blocks"][index];
            x = block.Add(x, block["attn"].FusedAttention(block["norm1"].LayerNorm(x, 1e-6), heads));
            x = block.Add(x, block["mlp"].Mlp(block["norm2"].LayerNorm(x, 1e-6)));
        }

        x = m["norm"].LayerNorm(x, 1e-6);
        return graph.Finish(("output", m["head"].Linear(m.Select(x, 1, 0), 10)));
    }
}
