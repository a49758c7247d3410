using CompressTool.Onnx;
using static CompressTool.Testing.Models.LlamaDecoder;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>
/// The layers of <see cref="LlamaDecoder"/> in operators of ONNX Runtime: attention knows the heads, the rotation and that nobody looks
/// ahead; each normalisation takes the sum with the residual, and makes it its fourth output.
/// </summary>
internal static class LlamaFused
{
    private const float Epsilon = 1e-6f;

    public static Value Layers(Module m, Value ids, Value x, int depth)
    {
        var (last, total) = Lengths(m, ids);
        var h = m["layers", 0]["input_layernorm"].Node("SimplifiedLayerNormalization", [x, m["layers", 0]["input_layernorm"].Scale(Width)],
            Attribute.Int("axis", -1), Attribute.Float("epsilon", Epsilon), Attribute.Int("stash_type", 1));
        for (var index = 0; index < depth; index++)
        {
            var layer = m["layers", index];
            (h, x) = Normalise(layer["post_attention_layernorm"], Attention(layer["self_attn"], h, last, total), x);
            (h, x) = Normalise(index + 1 < depth ? m["layers", index + 1]["input_layernorm"] : m["norm"], Mlp(layer["mlp"], h), x);
        }

        return h;
    }

    /// <summary>The last position of each sample, and the length; all samples are as long as the batch.</summary>
    private static (Value Last, Value Total) Lengths(Module m, Value ids)
    {
        var length = m.Node("Gather", [m.Node("Shape", [ids]), m.Constant(Tensor.Int64(1))], Attribute.Int("axis", 0));
        var last = m.Node("Sub", [length, m.Constant(Tensor.Int64s(1))]);
        var rows = m.Node("Slice", [m.Node("Shape", [ids]), m.Constant(Tensor.Int64s(0)), m.Constant(Tensor.Int64s(1)), m.Constant(Tensor.Int64s(0))]);
        return (m.Cast(m.Node("Expand", [last, rows]), DataType.Int32), m.Cast(length, DataType.Int32));
    }

    private static Value Attention(Module m, Value x, Value last, Value total)
    {
        var (q, k, v) = (m["q_proj"].Linear(x, Heads * HeadSize, bias: false), m["k_proj"].Linear(x, KeyHeads * HeadSize, bias: false), m["v_proj"].Linear(x, KeyHeads * HeadSize, bias: false));
        var (cosines, sines) = (m.Graph.Root.Parameter("cos_cache", _ => Waves(Math.Cos, Longest, HeadSize / 2)), m.Graph.Root.Parameter("sin_cache", _ => Waves(Math.Sin, Longest, HeadSize / 2)));
        var y = m.Graph.Fuse("GroupQueryAttention", "GroupQueryAttention", [q, k, v, null, null, last, total, cosines, sines], [0],
            [Attribute.Int("num_heads", Heads), Attribute.Int("kv_num_heads", KeyHeads), Attribute.Int("do_rotary", 1), Attribute.Int("rotary_interleaved", 0)])[0];
        return m["o_proj"].Linear(y, Width, bias: false);
    }

    private static (Value Normalised, Value Sum) Normalise(Module m, Value x, Value residual)
    {
        var outputs = m.Graph.Fuse("SkipSimplifiedLayerNormalization", "SkipLayerNorm", [x, residual, m.Scale(Width)], [0, 3], [Attribute.Float("epsilon", Epsilon)]);
        return (outputs[0], outputs[1]);
    }
}
