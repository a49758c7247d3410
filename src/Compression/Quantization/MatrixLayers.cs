using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization;

/// <summary>What matrix products with constant weights have in common, whatever the scheme.</summary>
internal static class MatrixLayers
{
    /// <summary>Why a Gemm or MatMul layer cannot be written as A·W (+ C) with a quantized W; null when it can.</summary>
    public static string? Unfit(Layer layer)
    {
        if (layer.Tensor is not { Dims.Count: 2, Type: DataType.Float or DataType.Float16 } tensor)
        {
            return $"its weight is {layer.Tensor}, not a float32 or float16 matrix";
        }

        if (tensor.Count == 0)
        {
            return "its weight is empty";
        }

        if (layer.InputAxis is null || layer.OutputAxis is null)
        {
            return "its nodes use the weight in different ways";
        }

        return layer.Uses.Select(use => Unfit(use, layer.Weight)).FirstOrDefault(reason => reason is not null);
    }

    /// <summary>The weight of a layer that fits.</summary>
    public static WeightMatrix Weight(Layer layer) => new(layer.Tensor, IsTransposed: layer.OutputAxis == 0);

    /// <summary>
    /// Takes the weight away from a node and makes it a bare product without attributes; what Gemm adds is added by a node
    /// behind it.
    /// </summary>
    public static void Detach(Node node, Layer layer)
    {
        var weight = node.Input(1);
        if (node.OpType == "Gemm" && node.Input(2) is { } addend)
        {
            var output = node.Output(0)!;
            var graph = node.Graph!;
            var product = new Value(graph.UniqueName(output.Name + "_MatMul"), output.Type);
            node.SetOutput(0, product);
            graph.InsertAfter(node, new Node("Add", [product, addend], [output], node.Name.Length > 0 ? graph.UniqueName(node.Name + "_Add") : ""));
        }

        node.TruncateInputs(1);
        foreach (var attribute in node.Attributes.ToArray())
        {
            node.RemoveAttribute(attribute.Name);
        }

        if (weight != layer.Weight)
        {
            weight!.RemoveIfUnused(); // A Transpose in between.
        }
    }

    /// <summary>Removes a layer's weight unless something else uses it; also one that old exporters list as a graph input.</summary>
    public static void RemoveWeight(Layer layer)
    {
        if (layer.Weight is { IsUnused: true, IsGraphInput: true, Graph: { } graph })
        {
            graph.RemoveInput(layer.Weight);
        }

        layer.Weight.RemoveIfUnused();
    }

    private static string? Unfit(Use use, Value weight)
    {
        var (node, position) = use;
        if (position != 1)
        {
            return "its weight is the left operand";
        }

        if (node.Is("Gemm") && (node.GetInt("transA", 0) != 0 || node.GetFloat("alpha", 1) != 1 || (node.Input(2) is not null && node.GetFloat("beta", 1) != 1)))
        {
            return "it transposes its input or scales its result (transA, alpha, beta)";
        }

        for (var value = node.Input(1)!; value != weight; value = value.Producer!.Input(0)!)
        {
            if (value.Producer!.OpType is not ("Transpose" or "Identity"))
            {
                return $"its weight passes through {value.Producer.OpType}";
            }
        }

        return null;
    }
}
