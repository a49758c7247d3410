using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Differentiation.Rules;

/// <summary>Operators that read or write elements by index.</summary>
internal static class Indexing
{
    public static readonly Dictionary<string, GradientRule> Rules = new()
    {
        ["Gather"] = Gather,
        ["GatherElements"] = n => [Scatter(n, n[0].ZerosLike(), n[1], n.Gradient, "add")],
        ["ScatterElements"] = ScatterElements,
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
        var scattered = n.Builder.Node("ScatterND", [zeros, indices.Cast(Onnx.DataType.Int64).Reshape([.. indices.Dims, 1]), gradient], Attribute.String("reduction", "add"));
        var back = new int[rank];
        for (var index = 0; index < rank; index++)
        {
            back[front[index]] = index;
        }

        return [scattered.Transpose(back)];
    }

    private static IEnumerable<Expr?> ScatterElements(GradientContext n)
    {
        var (axis, reduction) = (Attribute.Int("axis", n.Int("axis", 0)), n.Text("reduction", "none"));
        if (reduction is not ("none" or "add"))
        {
            throw n.Unsupported($"reduction '{reduction}'");
        }

        var byUpdates = n.Wants(2) ? n.Builder.Node("GatherElements", [n.Gradient, n[1]], axis) : null;
        return [reduction == "add" ? n.Gradient : Scatter(n, n.Gradient, n[1], n[2].ZerosLike(), "none"), null, byUpdates];
    }

    private static Expr Scatter(GradientContext n, Expr into, Expr indices, Expr updates, string reduction) =>
        n.Builder.Node("ScatterElements", [into, indices, updates], Attribute.Int("axis", n.Int("axis", 0)), Attribute.String("reduction", reduction));
}
