using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Matrix products.</summary>
internal static class Products
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["MatMul"] = n => MatMul(n, n[0], n[1], false, false, 1),
        ["com.microsoft:FusedMatMul"] = FusedMatMul,
        ["com.microsoft:TransposeMatMul"] = FusedMatMul,
        ["Gemm"] = Gemm,
        ["Einsum"] = Einsum,
    };

    private static IEnumerable<Expr?> FusedMatMul(GradientContext n)
    {
        var (a, b) = (n[0], n[1]);
        var (batchA, batchB) = (n.Int("transBatchA", 0) != 0, n.Int("transBatchB", 0) != 0);
        var gradients = MatMul(n, batchA ? RowsBehindBatch(a) : a, batchB ? RowsBehindBatch(b) : b, n.Int("transA", 0) != 0, n.Int("transB", 0) != 0, n.Float("alpha", 1)).ToArray();
        yield return batchA ? RowsBeforeBatch(gradients[0], a) : gradients[0];
        yield return batchB ? RowsBeforeBatch(gradients[1], b) : gradients[1];
    }

    /// <summary>[rows, batch..., columns] as [batch..., rows, columns].</summary>
    private static Expr RowsBehindBatch(Expr x) => x.Transpose([.. Enumerable.Range(1, x.Rank - 2), 0, x.Rank - 1]);

    /// <summary>The way back for a gradient, which may have the shape that the operand was broadcast to.</summary>
    private static Expr? RowsBeforeBatch(Expr? gradient, Expr operand)
    {
        var dims = operand.Dims;
        return gradient?.SumTo([.. dims[1..^1], dims[0], dims[^1]]).Transpose([dims.Length - 2, .. Enumerable.Range(0, dims.Length - 2), dims.Length - 1]);
    }

    private static IEnumerable<Expr?> MatMul(GradientContext n, Expr a, Expr b, bool transposeA, bool transposeB, double alpha)
    {
        // A vector is a row on the left and a column on the right; the product lacks that axis.
        var dims = n.Output.Dims;
        var gradient = (a.Rank, b.Rank) switch
        {
            (1, 1) => n.Gradient.Reshape(1, 1),
            (1, _) => n.Gradient.Reshape([.. dims[..^1], 1, dims[^1]]),
            (_, 1) => n.Gradient.Reshape([.. dims, 1]),
            _ => n.Gradient,
        };
        gradient *= alpha;
        var (left, right) = (a.Rank == 1 ? a.Reshape(1, a.Dims[0]) : a, b.Rank == 1 ? b.Reshape(b.Dims[0], 1) : b);
        var byLeft = !n.Wants(0) ? null : transposeA ? right.MatMul(gradient, transposeB, true) : gradient.MatMul(right, false, !transposeB);
        if (byLeft is not null && a.Rank == 1)
        {
            byLeft = byLeft.SumTo(left.Dims).Reshape(a.Dims);
        }

        var byRight = n.Wants(1) ? ByRight(left, right, gradient, transposeA, transposeB) : null;
        return [byLeft, b.Rank == 1 ? byRight?.SumTo(right.Dims).Reshape(b.Dims) : byRight];
    }

    private static Expr ByRight(Expr left, Expr right, Expr gradient, bool transposeLeft, bool transposeRight)
    {
        if (right.Rank == 2 && left.Rank > 2 && !transposeLeft)
        {
            // One matrix for the whole batch: one long product instead of many and a sum.
            left = left.Reshape(-1, left.Dims[^1]);
            gradient = gradient.Reshape(-1, gradient.Dims[^1]);
        }

        return transposeRight ? gradient.MatMul(left, true, transposeLeft) : left.MatMul(gradient, !transposeLeft, false);
    }

    private static IEnumerable<Expr?> Gemm(GradientContext n)
    {
        var products = MatMul(n, n[0], n[1], n.Int("transA", 0) != 0, n.Int("transB", 0) != 0, n.Float("alpha", 1));
        return [.. products, n.Wants(2) ? n.Gradient * n.Float("beta", 1) : null];
    }

    /// <summary>
    /// The gradient by one operand is the product of the output's gradient with the other operands, summed to that operand's
    /// letters: an Einsum again. Letters that only this operand has were summed away, so the gradient is spread over them.
    /// </summary>
    private static IEnumerable<Expr?> Einsum(GradientContext n)
    {
        var inputs = Enumerable.Range(0, n.InputCount).Select(input => n[input]).ToArray();
        var (terms, output) = EinsumTerms.Parse(n.Text("equation", ""), [.. inputs.Select(input => input.Rank)]);
        for (var input = 0; input < inputs.Length; input++)
        {
            yield return n.Wants(input) ? EinsumGradient(n, inputs, terms, output, input) : null;
        }
    }

    private static Expr EinsumGradient(GradientContext n, Expr[] inputs, string[] terms, string output, int input)
    {
        var others = Enumerable.Range(0, inputs.Length).Where(other => other != input).ToArray();
        var (term, diagonals) = EinsumTerms.WithoutRepeats(terms[input], string.Concat(terms) + output);
        var (factors, factorTerms) = (others.Select(other => inputs[other]).Prepend(n.Gradient).ToList(), others.Select(other => terms[other]).Prepend(output).ToList());
        foreach (var (letter, repeat) in diagonals)
        {
            // Only the diagonal of the operand was taken: elsewhere its gradient is zero.
            factors.Add(Identity(n, inputs[input].Dims[term.IndexOf(repeat)]));
            factorTerms.Add($"{letter}{repeat}");
        }

        var reachable = string.Concat(factorTerms);
        var present = string.Concat(term.Where(reachable.Contains));
        var gradient = n.Builder.Node("Einsum", factors, Attribute.String("equation", $"{string.Join(',', factorTerms)}->{present}"));

        // A letter of size 1 here may be larger elsewhere: it was broadcast, and is summed by the caller.
        var sizes = present.Zip(gradient.Dims).ToDictionary();
        return gradient.Reshape([.. term.Select(letter => sizes.GetValueOrDefault(letter, 1))])
            .Expand([.. term.Select((letter, axis) => sizes.GetValueOrDefault(letter, inputs[input].Dims[axis]))]);
    }

    private static Expr Identity(GradientContext n, long size)
    {
        var numbers = new double[size * size];
        for (long row = 0; row < size; row++)
        {
            numbers[row * (size + 1)] = 1;
        }

        return n.Builder.Constant(Numbers.Create(n.Gradient.Type, [size, size], numbers));
    }
}
