using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>
/// Llama (Touvron et al. 2023), as in Hugging Face's transformers: root mean square norms, rotary embeddings, fewer heads of keys and
/// values than of queries, a gated feed-forward network.
/// </summary>
public static class LlamaDecoder
{
    internal const long Width = 48;
    internal const long Heads = 6;
    internal const long KeyHeads = 2;
    internal const long HeadSize = 16;
    private const long Hidden = 112;
    private const int Depth = 2;
    internal const long Longest = 16;
    private const long Length = 8;

    /// <summary>Tokens are below this.</summary>
    public const int Vocabulary = 64;

    /// <summary>Builds it for input_ids [batch, sequence].</summary>
    /// <param name="isTied">Whether the last layer has the weights of the embedding.</param>
    /// <param name="isFused">Whether ONNX Runtime's optimizer has fused attention with its rotations, and normalisations.</param>
    /// <param name="isDynamic">Whether batch and length are open.</param>
    public static Model Build(bool isTied = false, bool isFused = false, bool isDynamic = false)
    {
        var graph = new ExporterGraph(isDynamic);
        var m = graph.Root["model"];
        var ids = graph.Input("input_ids", DataType.Int64, graph.Batch, isDynamic ? new Dim("sequence") : Length);
        var x = m["embed_tokens"].Embedding(ids, Vocabulary, Width);
        x = isFused ? LlamaFused.Layers(m, ids, x, Depth) : Layers(m, ids, x);
        var head = graph.Root["lm_head"];
        return graph.Finish(("logits", isTied
            ? head.MatMul(x, head.Transpose(m["embed_tokens"].EmbeddingTable(Vocabulary, Width), 1, 0))
            : head.Linear(x, Vocabulary, bias: false)));
    }

    private static Value Layers(Module m, Value ids, Value x)
    {
        var mask = CausalMask(m, m.Size(ids, 0), m.Size(ids, 1));
        var positions = m.Graph.IsDynamic ? m.Positions(ids) : null;
        for (var index = 0; index < Depth; index++)
        {
            var layer = m["layers", index];
            x = layer.Add(x, Attention(layer["self_attn"], layer["input_layernorm"].RmsNorm(x), positions, mask));
            x = layer.Add(x, Mlp(layer["mlp"], layer["post_attention_layernorm"].RmsNorm(x)));
        }

        return m["norm"].RmsNorm(x);
    }

    /// <summary>The lowest number where a place would look at a later one, [batch, 1, length, length].</summary>
    private static Value CausalMask(Module m, Extent batch, Extent length)
    {
        if (length.Number is { } number)
        {
            var mask = new float[number * number];
            for (var index = 0; index < mask.Length; index++)
            {
                mask[index] = index % number > index / number ? float.MinValue : 0;
            }

            return m.Constant(Tensor.Floats([1, 1, number, number], mask));
        }

        var full = m.Node("ConstantOfShape", [m.List(length, length)], Attribute.Tensor("value", Tensor.Floats([1], float.MinValue)));
        var triangle = m.Node("Trilu", [full, m.Constant(Tensor.Int64(1))], Attribute.Int("upper", 1));
        return m.Expand(m.Unsqueeze(m.Unsqueeze(triangle, 0), 1), batch, 1, length, length);
    }

    private static Value Attention(Module m, Value x, Value? positions, Value mask)
    {
        var (batch, length) = (m.Size(x, 0), m.Size(x, 1));
        var (q, k, v) = (m["q_proj"].Linear(x, Heads * HeadSize, bias: false), m["k_proj"].Linear(x, KeyHeads * HeadSize, bias: false), m["v_proj"].Linear(x, KeyHeads * HeadSize, bias: false));
        q = m.Transpose(m.Reshape(q, batch, length, Heads, HeadSize), 0, 2, 1, 3);
        k = m.Transpose(m.Reshape(k, batch, length, KeyHeads, HeadSize), 0, 2, 1, 3);
        v = m.Transpose(m.Reshape(v, batch, length, KeyHeads, HeadSize), 0, 2, 1, 3);
        var (cosines, sines) = (Table(m, "cos_cached", Math.Cos, length, positions), Table(m, "sin_cached", Math.Sin, length, positions));
        (q, k) = (Rotate(m, q, cosines, sines), Rotate(m, k, cosines, sines));
        (k, v) = (Repeat(m, k), Repeat(m, v));
        var scores = m.Div(m.MatMul(q, m.Transpose(k, 0, 1, 3, 2)), Math.Sqrt(HeadSize));
        var y = m.MatMul(m.Softmax(m.Add(scores, mask)), v);
        return m["o_proj"].Linear(m.Reshape(m.Transpose(y, 0, 2, 1, 3), batch, length, Heads * HeadSize), Width, bias: false);
    }

    /// <summary>
    /// Rows of a table of the rotary embedding. It is a buffer that the graph takes rows of; where the positions are known, the rows are a
    /// constant.
    /// </summary>
    private static Value Table(Module m, string name, Func<double, double> wave, Extent length, Value? positions)
    {
        var place = m["rotary_emb"];
        if (length.Number is { } number)
        {
            return m.Constant(Waves(wave, number, HeadSize).Reshape(1, 1, number, HeadSize));
        }

        var rows = place.Slice(place.Parameter(name, _ => Waves(wave, Longest, HeadSize)), 0, 0, length);
        return m.Unsqueeze(m.Node("Gather", [rows, positions], Attribute.Int("axis", 0)), 1);
    }

    /// <summary>The first columns of the waves of all positions; the second half of a head repeats the first.</summary>
    internal static Tensor Waves(Func<double, double> wave, long length, long columns)
    {
        var numbers = new float[length * columns];
        for (var index = 0; index < numbers.Length; index++)
        {
            var pair = index % columns % (HeadSize / 2);
            numbers[index] = (float)wave(index / columns * Math.Pow(10000, -2.0 * pair / HeadSize));
        }

        return Tensor.Floats([length, columns], numbers);
    }

    private static Value Rotate(Module m, Value x, Value cosines, Value sines)
    {
        var straight = m.Mul(x, cosines);
        var half = m.Divide(m.Size(x, 3), 2);
        var first = m.Slice(x, 3, 0, half);
        var second = m.Slice(x, 3, half, long.MaxValue);
        return m.Add(straight, m.Mul(m.Concat(-1, m.Neg(second), first), sines));
    }

    /// <summary>repeat_kv: each head of keys or values serves several heads of queries.</summary>
    private static Value Repeat(Module m, Value x)
    {
        var sizes = m.Shape(x);
        var repeated = m.Expand(m.Unsqueeze(x, 2), sizes[0], sizes[1], Heads / KeyHeads, sizes[2], sizes[3]);
        return m.Reshape(repeated, sizes[0], m.Multiply(sizes[1], Heads / KeyHeads), sizes[2], sizes[3]);
    }

    /// <summary>The gated feed-forward network.</summary>
    internal static Value Mlp(Module m, Value x)
    {
        var gate = m["act_fn"].Silu(m["gate_proj"].Linear(x, Hidden, bias: false));
        return m["down_proj"].Linear(m.Mul(gate, m["up_proj"].Linear(x, Hidden, bias: false)), Width, bias: false);
    }
}
