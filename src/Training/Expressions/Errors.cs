using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Training.Expressions;

internal static class Errors
{
    public static CompressToolException NoValue(Graph graph, string name) =>
        new(TrainingErrors.InvalidRequest, $"the graph has no value '{name}'{NearestName.Hint(name, [.. graph.Values().Select(value => value.Name)])}");

    public static CompressToolException UnknownShape(Value value)
    {
        var message = $"the shape of '{value.Name}' is {value.Shape?.ToString() ?? "not known"}, and gradients need numbers";
        return new(TrainingErrors.UnknownShape, Origin(value) is { } node
            ? $"{message}; it is lost at the operator {node.OpType} of node '{node.DisplayName}'"
            : $"{message}; give the sizes of the inputs, e.g. batch=2");
    }

    /// <summary>The node that makes an unknown shape out of known ones; null when it comes from an input.</summary>
    private static Node? Origin(Value value)
    {
        while (value.Producer is { } node)
        {
            if (node.Inputs.FirstOrDefault(input => input is not null && input.Shape?.IsStatic != true) is not { } input)
            {
                return node;
            }

            value = input;
        }

        return null;
    }
}
