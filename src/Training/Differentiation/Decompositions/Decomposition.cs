using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Decompositions;

/// <summary>The outputs of an operator in terms of simpler ones, in order; null where there is no gradient by that output.</summary>
internal delegate IReadOnlyList<Expr?> Decomposition(OperatorContext node);

/// <summary>
/// Gradients of operators that stand for several simpler ones. The forward pass keeps the operator and its fast kernel; the
/// backward pass computes the simpler ones again, and differentiates these. So nothing in between is kept for it.
/// </summary>
internal static class Decomposed
{
    /// <summary>The gradient rule of an operator that can be decomposed.</summary>
    public static GradientRule Rule(Decomposition decomposition) => n =>
    {
        // Inputs as values of their own: one may be given twice, or depend on another.
        var first = n.Builder.Graph.Nodes.Count;
        var inputs = Enumerable.Range(0, n.InputCount).Select(input => n.Wants(input) ? n.Builder.Node("Identity", [n[input]]) : n.Optional(input)).ToArray();
        var outputs = decomposition(new OperatorContext(n.Builder, n.Node, inputs));
        var known = outputs.Index().Where(output => output.Item is not null && n.Of(output.Index) is not null).Select(output => (output.Item!, n.Of(output.Index)!)).ToArray();
        var wanted = Enumerable.Range(0, inputs.Length).Where(n.Wants).ToArray();
        var gradients = wanted.Zip(Differentiator.Gradients(known, [.. wanted.Select(input => inputs[input]!)], first)).ToDictionary();
        return [.. Enumerable.Range(0, inputs.Length).Select(gradients.GetValueOrDefault)];
    };
}
