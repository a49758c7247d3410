using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation;

/// <summary>
/// The gradient of one operator: from the gradients of a node's outputs to those of its inputs, in order, null where there is
/// none. A gradient may have the shape that the input was broadcast to; it is summed to the input's.
/// </summary>
internal delegate IEnumerable<Expr?> GradientRule(GradientContext node);

/// <summary>What a rule sees of the node that it differentiates.</summary>
internal sealed class GradientContext(GraphBuilder builder, Node node, Expr?[] gradients, bool[] wanted)
{
    public GraphBuilder Builder => builder;

    public Node Node => node;

    public int InputCount => node.Inputs.Count;

    /// <summary>The gradient of the first output.</summary>
    public Expr Gradient => Of(0) ?? (gradients.Length > 0 && node.Output(0) is { } output ? builder.Of(output).ZerosLike() : throw Unsupported("its first output is left out"));

    /// <summary>The first output.</summary>
    public Expr Output => builder.Of(node.Outputs[0]!);

    /// <summary>An input that must be there.</summary>
    public Expr this[int input] => Optional(input) ?? throw Unsupported($"its input {input} is left out");

    /// <summary>True for an output that the loss depends on.</summary>
    public bool HasGradient(int output) => output < gradients.Length && gradients[output] is not null;

    /// <summary>The gradient of an output; null when the loss does not depend on it.</summary>
    public Expr? Of(int output) => output < gradients.Length ? gradients[output] : null;

    /// <summary>An input; null when left out.</summary>
    public Expr? Optional(int input) => node.Input(input) is { } value ? builder.Of(value) : null;

    /// <summary>True for an input whose gradient is needed; a rule that is not cheap asks before it works one out.</summary>
    public bool Wants(int input) => input < wanted.Length && wanted[input];

    /// <summary>An output that the rule needs, added to the node when it leaves that out.</summary>
    public Expr OutputAt(int output) => builder.OutputOf(node, output);

    public long Int(string name, long defaultValue) => node.GetInt(name, defaultValue);

    public double Float(string name, float defaultValue) => node.GetFloat(name, defaultValue);

    public string Text(string name, string defaultValue) => node.GetString(name, defaultValue);

    public long[]? Ints(string name) => node.GetInts(name) is { } ints ? [.. ints] : null;

    /// <summary>An axis given as an attribute, counted from the front.</summary>
    public int Axis(string name, long defaultValue, int rank) => Axis(Int(name, defaultValue), rank);

    public static int Axis(long axis, int rank) => checked((int)(axis < 0 ? axis + rank : axis));

    /// <summary>The numbers of a constant integer input; null when left out.</summary>
    public long[]? ConstantInts(int input) =>
        node.Input(input) is not { } value ? null
        : builder.ConstantOf(value)?.ToInt64s() ?? throw Unsupported($"its input '{value.Name}' is not constant");

    public CompressToolException Unsupported(string why) =>
        new(TrainingErrors.NoGradient, $"node '{node.DisplayName}' ({node.OpType}) has no gradient here: {why}");
}
