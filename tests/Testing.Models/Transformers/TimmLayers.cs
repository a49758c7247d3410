using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>Layers of timm that several transformers are made of.</summary>
internal static class TimmLayers
{
    /// <summary>Attention whose queries, keys and values come from one projection.</summary>
    public static Value FusedAttention(this Module m, Value x, long heads)
    {
        var width = x.Shape![^1].Value!.Value;
        var sizes = m.Shape(x);
        var qkv = m.Reshape(m["qkv"].Linear(x, 3 * width), sizes[0], sizes[1], 3, heads, m.Divide(sizes[2], heads));
        qkv = m.Transpose(qkv, 2, 0, 3, 1, 4);
        var (q, k, v) = Unbind(m, qkv);
        var scores = m.Mul(m.MatMul(q, m.Transpose(k, 0, 1, 3, 2)), 1 / Math.Sqrt(width / heads));
        var y = m.Transpose(m.MatMul(m.Softmax(scores), v), 0, 2, 1, 3);
        return m["proj"].Linear(m.Reshape(y, sizes), width);
    }

    /// <summary>Mlp: two layers with a gaussian error linear unit between.</summary>
    public static Value Mlp(this Module m, Value x)
    {
        var width = x.Shape![^1].Value!.Value;
        return m["fc2"].Linear(m["act"].Gelu(m["fc1"].Linear(x, 4 * width)), width);
    }

    /// <summary>PatchEmbed: patches of an image [batch, channels, height, width] as a sequence [batch, places, width].</summary>
    public static Value PatchEmbed(this Module m, Value image, long width, long patch) =>
        m.Transpose(m.FlattenPlaces(m["proj"].Conv2d(image, width, patch, stride: patch)), 0, 2, 1);

    /// <summary>By index in the older code; the newer one unbinds, which the exporter writes as Split.</summary>
    private static (Value Q, Value K, Value V) Unbind(Module m, Value qkv)
    {
        if (m.Graph.Model.Opset >= 17)
        {
            return (m.Select(qkv, 0, 0), m.Select(qkv, 0, 1), m.Select(qkv, 0, 2));
        }

        var parts = m.Nodes("Split", 3, [qkv], Attribute.Int("axis", 0));
        return (m.Squeeze(parts[0], 0), m.Squeeze(parts[1], 0), m.Squeeze(parts[2], 0));
    }
}
