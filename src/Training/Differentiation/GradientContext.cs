using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation;

/// <summary>
/// The gradient of one operator: from the gradients of a node's outputs to those of its inputs, in order, null where there is
/// none. A gradient may have the shape that the input was broadcast to; it is summed to the input's.
/// </summary>
internal delegate IEnumerable<Expr?> GradientRule(GradientContext node);

/// <summary>What a rule sees of the node that it differentiates.</summary>
internal sealed class GradientContext(GraphBuilder builder, Node node, Expr?[] gradients, bool[] wanted)
    : OperatorContext(builder, node, [.. node.Inputs.Select(input => input is null ? null : builder.Of(input))])
{
    // The first output's gradient is taken for granted; rules that make nothing of it know why.
    private readonly bool[] _taken = [.. gradients.Select((_, output) => output == 0)];

    /// <summary>The gradient of the first output.</summary>
    public Expr Gradient => Of(0) ?? (gradients.Length > 0 && Node.Output(0) is { } output ? Builder.Of(output).ZerosLike() : throw Unsupported("its first output is left out"));

    /// <summary>The first output.</summary>
    public Expr Output => Builder.Of(Node.Outputs[0]!);

    /// <summary>An output with a gradient that the rule has not asked for, and so leaves out; null when there is none.</summary>
    public int? Overlooked => Enumerable.Range(0, gradients.Length).Where(output => gradients[output] is not null && !_taken[output]).Select(output => (int?)output).FirstOrDefault();

    /// <summary>The gradient of an output; null when the loss does not depend on it.</summary>
    public Expr? Of(int output)
    {
        if (output >= gradients.Length)
        {
            return null;
        }

        _taken[output] = true;
        return gradients[output];
    }

    /// <summary>True for an input whose gradient is needed; a rule that is not cheap asks before it works one out.</summary>
    public bool Wants(int input) => input < wanted.Length && wanted[input];

    /// <summary>An output that the rule needs, added to the node when it leaves that out.</summary>
    public Expr OutputAt(int output) => Builder.OutputOf(Node, output);
}
