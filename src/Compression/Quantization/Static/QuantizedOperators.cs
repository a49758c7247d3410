using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>What ONNX Runtime's CPU provider computes in integers between quantized layers.</summary>
internal static class QuantizedOperators
{
    /// <summary>Moves numbers or takes some of them: the output has the input's scale and zero point.</summary>
    public static bool Moves(Node node) => node.Domain.Length == 0 && node.OpType switch
    {
        "Reshape" or "Transpose" or "Squeeze" or "Unsqueeze" or "Flatten" or "Slice" or "Gather" or "MaxPool" or "DepthToSpace" or "Expand" or "Tile" => node.Outputs.Count == 1,
        "Resize" => node.GetString("mode", "nearest") == "nearest",
        _ => false,
    };

    /// <summary>Computes new numbers of one or two quantized inputs.</summary>
    public static bool Computes(Node node) => node.Domain.Length == 0 && node.OpType is "Add" or "Mul" or "AveragePool" or "GlobalAveragePool" or "Concat" or "Sigmoid" or "LeakyRelu" or "Softmax";

    /// <summary>Clips to a range that the integers of its output cannot leave anyway, and costs nothing in front of a QuantizeLinear.</summary>
    public static bool Clips(Node node) => node.Domain.Length == 0 && (node.OpType == "Relu" || (node.OpType == "Clip" && node.Inputs.Skip(1).All(bound => bound?.ConstantTensor is not null)));

    /// <summary>Whether an input holds numbers that are quantized; the others are shapes, indices and bounds.</summary>
    public static bool IsActivation(Node node, int index) => index == 0 || node.OpType is "Add" or "Mul" or "Concat";
}
