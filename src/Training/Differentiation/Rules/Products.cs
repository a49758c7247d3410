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
        ["Gemm"] = Gemm,
        ["Einsum"] = Einsum,
    };

    private static IEnumerable<Expr?> FusedMatMul(GradientContext n) =>
        n.Int("transBatchA", 0) != 0 || n.Int("transBatchB", 0) != 0
            ? throw n.Unsupported("transBatchA and transBatchB are not supported")
            : MatMul(n, n[0], n[1], n.Int("transA", 0) != 0, n.Int("transB", 0) != 0, n.Float("alpha", 1));

    private static IEnumerable<Expr?> MatMul(GradientContext n, Expr a, Expr b, bool transposeA, bool transposeB, double alpha)
    {
        var gradient = n.Gradient;
        if (a.Rank == 1 || b.Rank == 1)
        {
            // A vector is a row on the left and a column on the right; the product lacks that axis.
            gradient = gradient.Reshape([.. n.Output.Dims[..^(a.Rank == 1 && b.Rank == 1 ? 0 : 1)], .. a.Rank == 1 ? [1L] : Array.Empty<long>(), .. a.Rank == 1 && b.Rank > 1 ? [n.Output.Dims[^1]] : Array.Empty<long>(), .. b.Rank == 1 ? [1L] : Array.Empty<long>()]);
        }

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
        var term = terms[input];
        if (term.Distinct().Count() < term.Length)
        {
            throw n.Unsupported($"the term '{term}' of its equation takes a diagonal");
        }

        var others = Enumerable.Range(0, inputs.Length).Where(other => other != input).ToArray();
        var reachable = string.Concat(others.Select(other => terms[other])) + output;
        var present = string.Concat(term.Where(reachable.Contains));
        var equation = $"{string.Join(',', others.Select(other => terms[other]).Prepend(output))}->{present}";
        var gradient = n.Builder.Node("Einsum", others.Select(other => inputs[other]).Prepend(n.Gradient), Attribute.String("equation", equation));

        // A letter of size 1 here may be larger elsewhere: it was broadcast, and is summed by the caller.
        var sizes = present.Zip(gradient.Dims).ToDictionary();
        return gradient.Reshape([.. term.Select(letter => sizes.GetValueOrDefault(letter, 1))])
            .Expand([.. term.Select((letter, axis) => sizes.GetValueOrDefault(letter, inputs[input].Dims[axis]))]);
    }
}
