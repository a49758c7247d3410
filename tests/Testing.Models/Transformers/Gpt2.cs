using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>
/// GPT-2 (Radford et al. 2019), as in Hugging Face's transformers: one Gemm for queries, keys and values, split along the last axis;
/// GELU by tanh. The last layer has a transposed copy of the embedding.
/// </summary>
public static class Gpt2
{
    private const long Width = 32;
    private const long Heads = 4;
    private const int Depth = 2;
    private const long Longest = 16;
    private const long Length = 8;

    /// <summary>Tokens are below this.</summary>
    public const int Vocabulary = 64;

    /// <summary>Builds it for input_ids [batch, sequence].</summary>
    /// <param name="isFused">Whether ONNX Runtime's optimizer has fused attention, normalisations and activations.</param>
    /// <param name="isDynamic">Whether batch and length are open.</param>
    public static Model Build(bool isFused = false, bool isDynamic = false)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root["transformer"];
        var ids = graph.Input("input_ids", DataType.Int64, graph.Batch, isDynamic ? new Dim("sequence") : Length);
        var x = m["wte"].Embedding(ids, Vocabulary, Width);
        x = m.Add(x, m["wpe"].Embedding(m.Positions(ids), Longest, Width));
        x = isFused ? FusedBlocks(m, x) : Blocks(m, x);
        return graph.Finish(("logits", graph.Root["lm_head"].MatMul(x, m["wte"].TransposedCopy(Vocabulary, Width))));
    }

    private static Value Blocks(Module m, Value x)
    {
        for (var index = 0; index < Depth; index++)
        {
            var block = m["h", index];
            x = block.Add(Attention(block["attn"], block["ln_1"].LayerNorm(x)), x);
            var h = block["mlp"]["c_fc"].Conv1d(block["ln_2"].LayerNorm(x), 4 * Width);
            x = block.Add(x, block["mlp"]["c_proj"].Conv1d(block["mlp"]["act"].NewGelu(h), Width));
        }

        return m["ln_f"].LayerNorm(x);
    }

    private static Value Attention(Module m, Value x)
    {
        var parts = m.Split(m["c_attn"].Conv1d(x, 3 * Width), 2, Width, Width, Width);
        var (q, k, v) = (SplitHeads(m, parts[0]), SplitHeads(m, parts[1]), SplitHeads(m, parts[2]));
        var scores = m.MatMul(q, m.Transpose(k, 0, 1, 3, 2));
        scores = m.Div(scores, Scale(m, v));
        var (queries, keys) = (m.Size(q, 2), m.Size(k, 2));
        scores = m.Node("Where", [Causal(m, queries, keys), scores, m.Constant(float.MinValue)]);
        var y = m.Transpose(m.MatMul(m.Softmax(scores), v), 0, 2, 1, 3);
        var sizes = m.Shape(y);
        return m["c_proj"].Conv1d(m.Reshape(y, sizes[0], sizes[1], Width), Width);
    }

    private static Value SplitHeads(Module m, Value x)
    {
        var sizes = m.Shape(x);
        return m.Transpose(m.Reshape(x, sizes[0], sizes[1], Heads, Width / Heads), 0, 2, 1, 3);
    }

    /// <summary>value.size(-1) ** 0.5, computed from the shape when that is read.</summary>
    private static Value Scale(Module m, Value v)
    {
        var size = m.Size(v, 3);
        return size.Number is { } number ? m.Constant(Math.Sqrt(number)) : m.Pow(m.Cast(size.Value!, DataType.Float), 0.5);
    }

    /// <summary>bias[:, :, keys - queries : keys, : keys], a buffer that says which places a place may look at.</summary>
    private static Value Causal(Module m, Extent queries, Extent keys)
    {
        if (keys.Number is { } number)
        {
            return m.Constant(Triangle(number));
        }

        var buffer = m.Parameter("bias", _ => Triangle(Longest));
        var start = new Extent(m.Node("Sub", [keys.Value, queries.Value]));
        return m.Slice(m.Slice(buffer, 2, start, keys), 3, 0, keys);
    }

    private static Tensor Triangle(long size)
    {
        var allowed = new bool[size * size];
        for (var index = 0; index < allowed.Length; index++)
        {
            allowed[index] = index % size <= index / size;
        }

        return Tensor.Create<bool>(DataType.Bool, [1, 1, size, size], allowed);
    }

    /// <summary>The same blocks in operators of ONNX Runtime; each normalisation takes the sum with the residual, and makes it its fourth output.</summary>
    private static Value FusedBlocks(Module m, Value x)
    {
        var h = m["h", 0]["ln_1"].LayerNorm(x);
        for (var index = 0; index < Depth; index++)
        {
            var block = m["h", index];
            var attention = m.Graph.Fuse("Attention", "GptAttention",
                [h, block["attn"]["c_attn"].InputWeight(Width, 3 * Width), block["attn"]["c_attn"].Bias(3 * Width), null], [0],
                [Attribute.Int("num_heads", Heads), Attribute.Int("unidirectional", 1)])[0];
            (h, x) = Normalise(block["ln_2"], block["attn"]["c_proj"], attention, x);
            var activated = m.Graph.Fuse("FastGelu", "FastGelu_AddBias",
                [block["mlp"]["c_fc"].MatMul(h, block["mlp"]["c_fc"].InputWeight(Width, 4 * Width)), block["mlp"]["c_fc"].Bias(4 * Width)], [0], [])[0];
            (h, x) = Normalise(index + 1 < Depth ? m["h", index + 1]["ln_1"] : m["ln_f"], block["mlp"]["c_proj"], activated, x);
        }

        return h;
    }

    private static (Value Normalised, Value Sum) Normalise(Module norm, Module projection, Value x, Value residual)
    {
        var product = projection.MatMul(x, projection.InputWeight(x.Shape![^1].Value!.Value, Width));
        var outputs = norm.Graph.Fuse("SkipLayerNormalization", "SkipLayerNorm_AddBias",
            [product, residual, norm.Scale(Width), norm.Bias(Width), projection.Bias(Width)], [0, 3], [Attribute.Float("epsilon", 1e-5f)]);
        return (outputs[0], outputs[1]);
    }
}
