using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>
/// BERT (Devlin et al. 2019) with a classifier, as in Hugging Face's transformers: normalisation behind each sum, a mask of places that
/// are not looked at.
/// </summary>
public static class Bert
{
    private const long Width = 32;
    private const long Heads = 4;
    private const int Depth = 2;
    private const long Longest = 16;
    private const long Length = 8;
    private const double Epsilon = 1e-12;

    /// <summary>Tokens are below this.</summary>
    public const int Vocabulary = 64;

    /// <summary>Builds it for input_ids and attention_mask [batch, sequence].</summary>
    /// <param name="isFused">Whether ONNX Runtime's optimizer has fused attention, normalisations and activations.</param>
    /// <param name="isDynamic">Whether batch and length are open.</param>
    /// <param name="opset">Version of the operators; before 17 layer normalisation is decomposed.</param>
    public static Model Build(bool isFused = false, bool isDynamic = false, int opset = 17)
    {
        var graph = new ExporterGraph(isDynamic, opset);
        var m = graph.Root["bert"];
        Dim length = isDynamic ? new Dim("sequence") : Length;
        var (ids, mask) = (graph.Input("input_ids", DataType.Int64, graph.Batch, length), graph.Input("attention_mask", DataType.Int64, graph.Batch, length));
        var x = Embeddings(m["embeddings"], ids);
        var given = isFused ? m.Cast(mask, DataType.Int32) : Penalties(m, mask);
        for (var index = 0; index < Depth; index++)
        {
            var layer = m["encoder"]["layer", index];
            x = isFused ? FusedLayer(layer, x, given) : Layer(layer, x, given);
        }

        x = m["pooler"]["activation"].Tanh(m["pooler"]["dense"].Linear(m["pooler"].Select(x, 1, 0), Width));
        return graph.Finish(("logits", graph.Root["classifier"].Linear(x, 10)));
    }

    private static Value Embeddings(Module m, Value ids)
    {
        var words = m["word_embeddings"].Embedding(ids, Vocabulary, Width);

        // All tokens are of type 0, so that the row is folded where the length is known, and spread out from one number where it is not.
        var types = m["token_type_embeddings"].Embedding(m.Expand(m.Constant(Tensor.Create<long>(DataType.Int64, [1, 1], [0])), m.Shape(ids)), 2, Width);
        var positions = m["position_embeddings"].Embedding(m.Positions(ids), Longest, Width);
        return m["LayerNorm"].LayerNorm(m.Add(m.Add(words, types), positions), Epsilon);
    }

    /// <summary>The lowest number where the mask is 0, [batch, 1, 1, sequence].</summary>
    private static Value Penalties(Module m, Value mask)
    {
        var open = m.Cast(m.Unsqueeze(m.Unsqueeze(mask, 1), 2), DataType.Float);
        return m.Mul(m.Sub(m.Constant(1), open), float.MinValue);
    }

    private static Value Layer(Module m, Value x, Value penalties)
    {
        var attention = m["attention"];
        var h = Attention(attention["self"], x, penalties);
        x = SumAndNorm(attention["output"], h, x);
        h = m["intermediate"]["intermediate_act_fn"].Gelu(m["intermediate"]["dense"].Linear(x, 4 * Width));
        return SumAndNorm(m["output"], h, x);
    }

    private static Value SumAndNorm(Module m, Value h, Value x) => m["LayerNorm"].LayerNorm(m.Add(m["dense"].Linear(h, Width), x), Epsilon);

    private static Value Attention(Module m, Value x, Value penalties)
    {
        var q = m["query"].Linear(x, Width);
        var (k, v) = (SplitHeads(m, m["key"].Linear(x, Width)), SplitHeads(m, m["value"].Linear(x, Width)));
        var scores = m.MatMul(SplitHeads(m, q), m.Transpose(k, 0, 1, 3, 2));
        scores = m.Add(m.Div(scores, Math.Sqrt(Width / Heads)), penalties);
        var y = m.Transpose(m.MatMul(m.Softmax(scores), v), 0, 2, 1, 3);
        var sizes = m.Shape(y);
        return m.Reshape(y, sizes[0], sizes[1], Width);
    }

    private static Value SplitHeads(Module m, Value x) => m.Transpose(m.Reshape(x, m.Size(x, 0), m.Size(x, 1), Heads, Width / Heads), 0, 2, 1, 3);

    /// <summary>The same in operators of ONNX Runtime; the biases of queries, keys and values are one.</summary>
    private static Value FusedLayer(Module m, Value x, Value mask)
    {
        var self = m["attention"]["self"];
        Value[] products = [.. new[] { "query", "key", "value" }.Select(name => self[name].MatMul(x, self[name].TransposedWeight(Width, Width)))];
        var biases = self.Parameter("qkv_bias", name => Join([.. new[] { "query", "key", "value" }.Select(part => self[part].BiasTensor(Width))]));
        var h = m.Graph.Fuse("MultiHeadAttention", "Attention", [.. products, biases, mask], [0], [Attribute.Int("num_heads", Heads)])[0];
        x = FusedSumAndNorm(m["attention"]["output"], h, x);
        var dense = m["intermediate"]["dense"];
        h = m.Graph.Fuse("BiasGelu", "Gelu_AddBias", [dense.MatMul(x, dense.TransposedWeight(Width, 4 * Width)), dense.Bias(4 * Width)], [0], [])[0];
        return FusedSumAndNorm(m["output"], h, x);
    }

    private static Value FusedSumAndNorm(Module m, Value h, Value x)
    {
        var (dense, norm) = (m["dense"], m["LayerNorm"]);
        var product = dense.MatMul(h, dense.TransposedWeight(h.Shape![^1].Value!.Value, Width));
        return m.Graph.Fuse("SkipLayerNormalization", "SkipLayerNorm_AddBias", [product, x, norm.Scale(Width), norm.Bias(Width), dense.Bias(Width)], [0],
            [Attribute.Float("epsilon", (float)Epsilon)])[0];
    }

    private static Tensor Join(Tensor[] vectors)
    {
        float[] numbers = [.. vectors.SelectMany(vector => vector.ToFloats())];
        return Tensor.Floats([numbers.Length], numbers);
    }
}
