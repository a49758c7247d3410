using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>Vision transformer (Dosovitskiy et al. 2021), as in timm: one projection for queries, keys and values, a class token.</summary>
public static class VisionTransformer
{
    private const long Width = 48;
    private const int Heads = 3;
    private const int Depth = 3;

    /// <summary>Builds it for images [batch, 3, 32, 32], with 16 patches.</summary>
    /// <param name="isDynamic">Whether the batch is open.</param>
    /// <param name="opset">Version of the operators; before 17 layer normalisation is decomposed.</param>
    public static Model Build(bool isDynamic = false, int opset = 17)
    {
        var graph = new ExporterGraph(isDynamic, opset);
        var m = graph.Root;
        var x = m["patch_embed"].PatchEmbed(graph.Input("input", DataType.Float, graph.Batch, 3, 32, 32), Width, 8);
        var token = m.Expand(m.Parameter("cls_token", 0, 1, 1, 1, Width), m.Size(x, 0), -1, -1);
        x = m.Concat(1, token, x);
        x = m.Add(x, m.Parameter("pos_embed", 0, 0.5, 1, x.Shape![1].Value!.Value, Width));
        for (var index = 0; index < Depth; index++)
        {
            var block = m["blocks"][index];
            x = block.Add(x, block["attn"].FusedAttention(block["norm1"].LayerNorm(x, 1e-6), Heads));
            x = block.Add(x, block["mlp"].Mlp(block["norm2"].LayerNorm(x, 1e-6)));
        }

        x = m["norm"].LayerNorm(x, 1e-6);
        return graph.Finish(("output", m["head"].Linear(m.Select(x, 1, 0), 10)));
    }
}
