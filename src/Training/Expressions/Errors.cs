using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Training.Expressions;

internal static class Errors
{
    public static CompressToolException NoValue(Graph graph, string name) =>
        new(TrainingErrors.InvalidRequest, $"the graph has no value '{name}'{NearestName.Hint(name, [.. graph.Values().Select(value => value.Name)])}");

    public static CompressToolException UnknownShape(Value value) =>
        new(TrainingErrors.UnknownShape, $"the shape of '{value.Name}' is {value.Shape?.ToString() ?? "not known"}, and gradients need numbers; give the sizes of the inputs, e.g. batch=2");
}
