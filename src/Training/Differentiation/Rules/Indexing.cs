using CompressTool.Onnx;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Operators that read elements by index.</summary>
internal static class Indexing
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["Gather"] = Gather,
        ["GatherElements"] = n => [Scatter(n, n[0].ZerosLike(), n[1], n.Gradient, "add")],
        ["GatherND"] = n => [n.Builder.Node("ScatterND", [n[0].ZerosLike(), WholeIndices(n), n.Gradient], Attribute.String("reduction", "add"))],
        ["TopK"] = TopK,
        ["OneHot"] = OneHot,
        ["ReverseSequence"] = n => [n.Builder.Node("ReverseSequence", [n.Gradient, n[1]], n.Node.Attributes)],
    };

    private static IEnumerable<Expr?> Gather(GradientContext n)
    {
        // Brought to the front, the indices name whole slices, to which theirs of the gradient are added.
        var (rank, indices) = (n[0].Rank, n[1]);
        var axis = n.Axis("axis", 0, rank);
        int[] front = [axis, .. Enumerable.Range(0, rank).Where(other => other != axis)];
        int[] indexAxes = [.. Enumerable.Range(axis, indices.Rank)];
        var gradient = n.Gradient.Transpose([.. indexAxes, .. Enumerable.Range(0, n.Gradient.Rank).Except(indexAxes)]);
        var zeros = n.Builder.Full(0, n[0].Type, [.. front.Select(other => n[0].Dims[other])]);
        var scattered = n.Builder.Node("ScatterND", [zeros, indices.Cast(DataType.Int64).Reshape([.. indices.Dims, 1]), gradient], Attribute.String("reduction", "add"));
        var back = new int[rank];
        for (var index = 0; index < rank; index++)
        {
            back[front[index]] = index;
        }

        return [scattered.Transpose(back)];
    }

    /// <summary>The indices of GatherND with those of the batch axes in front, which it leaves out.</summary>
    private static Expr WholeIndices(GradientContext n)
    {
        var (indices, batchAxes) = (n[1], checked((int)n.Int("batch_dims", 0)));
        var dims = indices.Dims;
        if (batchAxes == 0)
        {
            return indices;
        }

        var batch = dims[..batchAxes];
        var numbers = new List<double>();
        for (long position = 0; position < batch.Aggregate(1L, (count, size) => count * size); position++)
        {
            var rest = position;
            numbers.AddRange(batch.Reverse().Select(size =>
            {
                (rest, var index) = Math.DivRem(rest, size);
                return (double)index;
            }).ToArray().Reverse());
        }

        var grid = n.Builder.Constant(Numbers.Create(DataType.Int64, [.. batch, .. Enumerable.Repeat(1L, dims.Length - batchAxes - 1), batchAxes], [.. numbers]));
        return n.Builder.Concat(dims.Length - 1, grid.Expand([.. dims[..^1], batchAxes]), indices);
    }

    private static IEnumerable<Expr?> TopK(GradientContext n) => [Scatter(n, n[0].ZerosLike(), n.OutputAt(1), n.Gradient, "none", -1)];

    /// <summary>The values are those of all other places and of the one that the index names.</summary>
    private static IEnumerable<Expr?> OneHot(GradientContext n)
    {
        var unit = n.Builder.Constant(Numbers.Create(n[2].Type, [2], [0, 1]));
        var on = (n.Gradient * n.Builder.Node("OneHot", [n[0], n[1], unit], n.Node.Attributes)).Sum();
        return [null, null, n.Builder.Concat(0, (n.Gradient.Sum() - on).Reshape(1), on.Reshape(1))];
    }

    private static Expr Scatter(GradientContext n, Expr into, Expr indices, Expr updates, string reduction, long defaultAxis = 0) =>
        n.Builder.Node("ScatterElements", [into, indices, updates], Attribute.Int("axis", n.Int("axis", defaultAxis)), Attribute.String("reduction", reduction));
}
