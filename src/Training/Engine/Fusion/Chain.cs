using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Engine.Fusion;

/// <summary>Nodes that follow each other, and what comes in their place.</summary>
internal static class Chain
{
    /// <summary>The node that alone takes a value; null when there are several, or the value is an output.</summary>
    public static Node? OnlyUser(Value value) => value is { IsGraphOutput: false, Uses: [var use] } ? use.Node : null;

    /// <summary>Puts an expression in the place of a node's output, and removes what only led there.</summary>
    /// <param name="builder">The graph.</param>
    /// <param name="last">The node, the last of a chain.</param>
    /// <param name="build">Builds the replacement from values that are there before the node.</param>
    public static void Replace(GraphBuilder builder, Node last, Func<Expr> build)
    {
        builder.Position = last;
        var replacement = build().Value;
        builder.Position = null;
        var replaced = last.Outputs[0]!;
        replaced.ReplaceAllUses(replacement);
        replaced.RemoveIfUnused();
    }
}
