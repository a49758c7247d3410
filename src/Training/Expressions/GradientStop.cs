using CompressTool.Onnx;

namespace CompressTool.Training.Expressions;

/// <summary>The mark of a node through which no gradient flows. It is part of the graph, so that every engine finds it.</summary>
internal static class GradientStop
{
    private const string Key = "compresstool.gradient";
    private const string Stop = "stop";

    public static void Mark(Node node) => node.Metadata.Add(new(Key, Stop));

    public static bool IsAt(Node node) => node.Metadata.Contains(new(Key, Stop));
}
