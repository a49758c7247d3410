using CompressTool.Onnx.Inference;
using CompressTool.Onnx.Inference.Rules;

namespace CompressTool.Onnx.Cost;

/// <summary>Multiply-accumulate operations of a product inside a node.</summary>
/// <param name="Count">How many.</param>
/// <param name="Left">The input that is one operand.</param>
/// <param name="Right">The input that is the other operand; -1 when both are always computed.</param>
internal readonly record struct Product(Expression Count, int Left, int Right);

/// <summary>
/// The table from operator to its products. One MAC is one multiplication with its addition; biases, normalisations and
/// activations count nothing. Every rule gives nothing when a shape is unknown.
/// </summary>
internal static class MacRules
{
    private static readonly Dictionary<(string Domain, string OpType), Func<NodeContext, IEnumerable<Product>>> s_rules = new()
    {
        [("", "Conv")] = c => Convolution(c, 1),
        [("", "ConvInteger")] = c => Convolution(c, 1),
        [("", "DeformConv")] = c => Convolution(c, 1),
        [("", "QLinearConv")] = c => Convolution(c, 3),
        [("", "ConvTranspose")] = Transposed,
        [("", "MatMul")] = c => MatMul(c, 1),
        [("", "MatMulInteger")] = c => MatMul(c, 1),
        [("", "QLinearMatMul")] = c => MatMul(c, 3),
        [("", "Gemm")] = c => Gemm(c, 1),
        [("", "Einsum")] = Einsum,
        [("", "Attention")] = StandardAttention,
        [("", "LSTM")] = Recurrent,
        [("", "GRU")] = Recurrent,
        [("", "RNN")] = Recurrent,
        [("com.microsoft", "FusedConv")] = c => Convolution(c, 1),
        [("com.microsoft", "NhwcConv")] = c => Convolution(c, 1),
        [("com.microsoft", "NhwcFusedConv")] = c => Convolution(c, 1),
        [("com.microsoft", "QLinearConv")] = c => Convolution(c, 3),
        [("com.microsoft", "FusedMatMul")] = FusedMatMul,
        [("com.microsoft", "TransposeMatMul")] = FusedMatMul,
        [("com.microsoft", "FusedGemm")] = c => Gemm(c, 1),
        [("com.microsoft", "GemmFastGelu")] = c => MatMul(c, 1),
        [("com.microsoft", "MatMulIntegerToFloat")] = c => MatMul(c, 1),
        [("com.microsoft", "DynamicQuantizeMatMul")] = c => MatMul(c, 1),
        [("com.microsoft", "QGemm")] = c => Gemm(c, 3),
        [("com.microsoft", "MatMulNBits")] = c => MatMul(c, 1),
        [("com.microsoft", "MatMulBnb4")] = c => MatMul(c, 1),
        [("com.microsoft", "Attention")] = AttentionWithProjection,
        [("com.microsoft", "QAttention")] = AttentionWithProjection,
        [("com.microsoft", "MultiHeadAttention")] = MultiHead,
        [("com.microsoft", "GroupQueryAttention")] = MultiHead,
    };

    public static IEnumerable<Product> Of(NodeContext c) => s_rules.TryGetValue((c.Node.Domain, c.Node.OpType), out var rule) ? rule(c) : [];

    /// <summary>Every output element is a sum over the window and the channels of its group.</summary>
    private static IEnumerable<Product> Convolution(NodeContext c, int weight)
    {
        if (c.OutputFact(0).Dims is { } y && c.Dims(weight) is { Length: > 1 } w)
        {
            yield return new Product(Shaping.Product(y) * Shaping.Product(w.AsSpan(1)), 0, weight);
        }
    }

    /// <summary>Every input element is multiplied with the window and the channels of its group.</summary>
    private static IEnumerable<Product> Transposed(NodeContext c)
    {
        if (c.Dims(0) is { } x && c.Dims(1) is { Length: > 1 } w)
        {
            yield return new Product(Shaping.Product(x) * Shaping.Product(w.AsSpan(1)), 0, 1);
        }
    }

    private static IEnumerable<Product> MatMul(NodeContext c, int right)
    {
        if (c.OutputFact(0).Dims is { } y && c.Dims(0) is { Length: > 0 } a)
        {
            yield return new Product(Shaping.Product(y) * a[^1], 0, right);
        }
    }

    private static IEnumerable<Product> FusedMatMul(NodeContext c)
    {
        if (c.OutputFact(0).Dims is { } y && c.Dims(0) is { Length: > 0 } a)
        {
            // Transposed, the rows are the first of the last two axes, or of all when the batch goes behind them.
            var inner = c.Int("transA", 0) == 0 || a.Length < 2 ? a[^1] : c.Int("transBatchA", 0) == 0 ? a[^2] : a[0];
            yield return new Product(Shaping.Product(y) * inner, 0, 1);
        }
    }

    private static IEnumerable<Product> Gemm(NodeContext c, int right)
    {
        if (c.OutputFact(0).Dims is { } y && c.Dims(0) is [var rows, var columns])
        {
            yield return new Product(Shaping.Product(y) * (c.Int("transA", 0) == 0 ? columns : rows), 0, right);
        }
    }

    /// <summary>As many as there are combinations of all labels; one operand alone is no product.</summary>
    private static IEnumerable<Product> Einsum(NodeContext c)
    {
        if (c.InputCount > 1 && EinsumEquation.Parse(c).Extents(c) is { } extents)
        {
            yield return new Product(Shaping.Product([.. extents.Values.SelectMany(dims => dims)]), 0, 1);
        }
    }

    /// <summary>Queries with keys, then scores with values.</summary>
    private static IEnumerable<Product> StandardAttention(NodeContext c)
    {
        if (c.Dims(0) is { } q && c.Dims(1) is { } k && c.OutputFact(0).Dims is { } y)
        {
            var keys = k[^2] + (c.Dims(4) is { Length: 4 } past ? past[2] : 0);
            yield return new Product(Shaping.Product(q) * keys, 0, -1);
            yield return new Product(Shaping.Product(y) * keys, 0, -1);
        }
    }

    /// <summary>com.microsoft: the projection to queries, keys and values too.</summary>
    private static IEnumerable<Product> AttentionWithProjection(NodeContext c)
    {
        if (c.Dims(0) is [var batch, var sequence, var width] && c.Dims(1) is [_, var columns] && c.OutputFact(0).Dims is [_, _, var values])
        {
            yield return new Product(batch * sequence * width * columns, 0, 1);
            var past = c.Dims(c.Node.OpType == "QAttention" ? 8 : 4);
            var keys = sequence + (past is { Length: 5 } ? past[3] : 0);
            var queries = c.Ints("qkv_hidden_sizes") is [var size, ..] ? size : values;
            yield return new Product(batch * sequence * keys * (queries + values), 0, -1);
        }
    }

    /// <summary>com.microsoft: heads are inside the last axis, keys and values may have an axis for them.</summary>
    private static IEnumerable<Product> MultiHead(NodeContext c)
    {
        if (c.Dims(0) is { } q && c.OutputFact(0).Dims is [var batch, var sequence, var width])
        {
            var isGrouped = c.Node.OpType == "GroupQueryAttention";
            var keys = c.Dims(1) switch
            {
                { Length: 4 } apart => apart[2],
                { Length: > 2 } inside => inside[1],
                _ => q[1],
            };
            keys += c.Dims(isGrouped ? 3 : 6) is { Length: 4 } past ? past[2] : 0;
            var queries = !isGrouped && q.Length == 3 ? q[2] : width;
            yield return new Product(batch * sequence * keys * (queries + width), 0, -1);
        }
    }

    /// <summary>All gates take the input and the hidden state of every step.</summary>
    private static IEnumerable<Product> Recurrent(NodeContext c)
    {
        if (c.Dims(0) is [var sequence, var batch, _] && c.Dims(1) is { } w && c.Dims(2) is { } r)
        {
            yield return new Product(sequence * batch * Shaping.Product(w), 0, 1);
            yield return new Product(sequence * batch * Shaping.Product(r), 0, 2);
        }
    }
}
