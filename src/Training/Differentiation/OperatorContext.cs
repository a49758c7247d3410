using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation;

/// <summary>A node as rules and decompositions see it: its inputs as expressions, and its attributes.</summary>
internal class OperatorContext(GraphBuilder builder, Node node, Expr?[] inputs)
{
    public GraphBuilder Builder => builder;

    public Node Node => node;

    public int InputCount => inputs.Length;

    public int OutputCount => node.Outputs.Count;

    /// <summary>An input that must be there.</summary>
    public Expr this[int input] => Optional(input) ?? throw Unsupported($"its input {input} is left out");

    /// <summary>An input; null when left out.</summary>
    public Expr? Optional(int input) => input < inputs.Length ? inputs[input] : null;

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
