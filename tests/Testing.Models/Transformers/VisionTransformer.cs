using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

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
        var image = graph.Input("input", DataType.Float, graph.Batch, 3, 32, 32);
        var x = m["patch_embed"]["proj"].Conv2d(image, Width, 8, stride: 8);
        x = m["patch_embed"].Transpose(m["patch_embed"].FlattenPlaces(x), 0, 2, 1);
        var token = m.Expand(m.Parameter("cls_token", 0, 1, 1, 1, Width), m.Size(x, 0), -1, -1);
        x = m.Concat(1, token, x);
        x = m.Add(x, m.Parameter("pos_embed", 0, 0.5, 1, x.Shape![1].Value!.Value, Width));
        for (var index = 0; index < Depth; index++)
        {
            var block = m["blocks"][index];
            x = block.Add(x, Attention(block["attn"], block["norm1"].LayerNorm(x, 1e-6)));
            x = block.Add(x, Mlp(block["mlp"], block["norm2"].LayerNorm(x, 1e-6)));
        }

        x = m["norm"].LayerNorm(x, 1e-6);
        return graph.Finish(("output", m["head"].Linear(m.Select(x, 1, 0), 10)));
    }

    private static Value Attention(Module m, Value x)
    {
        var sizes = m.Shape(x);
        var qkv = m.Reshape(m["qkv"].Linear(x, 3 * Width), sizes[0], sizes[1], 3, Heads, m.Divide(sizes[2], Heads));
        qkv = m.Transpose(qkv, 2, 0, 3, 1, 4);
        var (q, k, v) = Unbind(m, qkv);
        var scores = m.Mul(m.MatMul(q, m.Transpose(k, 0, 1, 3, 2)), 1 / Math.Sqrt(Width / Heads));
        var y = m.Transpose(m.MatMul(m.Softmax(scores), v), 0, 2, 1, 3);
        return m["proj"].Linear(m.Reshape(y, sizes), Width);
    }

    /// <summary>By index in the older code; the newer one unbinds, which older operators write as Split.</summary>
    private static (Value Q, Value K, Value V) Unbind(Module m, Value qkv)
    {
        if (m.Graph.Model.Opset >= 17)
        {
            return (m.Select(qkv, 0, 0), m.Select(qkv, 0, 1), m.Select(qkv, 0, 2));
        }

        var parts = m.Nodes("Split", 3, [qkv], Attribute.Int("axis", 0));
        return (m.Squeeze(parts[0], 0), m.Squeeze(parts[1], 0), m.Squeeze(parts[2], 0));
    }

    private static Value Mlp(Module m, Value x) => m["fc2"].Linear(m["act"].Gelu(m["fc1"].Linear(x, 4 * Width)), Width);
}
