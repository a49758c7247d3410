namespace CompressTool.Onnx.Cost;

/// <summary>What an initializer is for: a weight, a quantized weight, or one of the numbers that go with a weight.</summary>
internal static class WeightUses
{
    /// <summary>Inputs that hold scales, bounds and the like: numbers of the arithmetic, not of the model.</summary>
    private static readonly Dictionary<string, int[]> s_settings = new()
    {
        ["QuantizeLinear"] = [1, 2],
        ["DequantizeLinear"] = [1, 2],
        ["QLinearConv"] = [1, 2, 4, 5, 6, 7],
        ["QLinearMatMul"] = [1, 2, 4, 5, 6, 7],
        ["QGemm"] = [1, 2, 4, 5, 7, 8],
        ["QLinearAdd"] = [1, 2, 4, 5, 6, 7],
        ["QLinearMul"] = [1, 2, 4, 5, 6, 7],
        ["QLinearSigmoid"] = [1, 2, 3, 4],
        ["QLinearLeakyRelu"] = [1, 2, 3, 4],
        ["QLinearSoftmax"] = [1, 2, 3, 4],
        ["QLinearAveragePool"] = [1, 2, 3, 4],
        ["QLinearGlobalAveragePool"] = [1, 2, 3, 4],
        ["QAttention"] = [3, 4, 5, 6, 7],
        ["MatMulInteger"] = [2, 3],
        ["ConvInteger"] = [2, 3],
        ["MatMulIntegerToFloat"] = [2, 3, 4, 5],
        ["DynamicQuantizeMatMul"] = [2, 3],
        ["MatMulNBits"] = [2, 3, 4],
        ["MatMulBnb4"] = [2],
        ["GatherBlockQuantized"] = [2, 3],
        ["Resize"] = [1, 2, 3],
        ["Upsample"] = [1],
        ["Clip"] = [1, 2],
        ["Pad"] = [2],
        ["Range"] = [0, 1, 2],
        ["OneHot"] = [2],
    };

    /// <summary>Inputs that take quantized weights, biases included.</summary>
    private static readonly Dictionary<string, int[]> s_quantized = new()
    {
        ["DequantizeLinear"] = [0],
        ["QLinearConv"] = [3, 8],
        ["QLinearMatMul"] = [0, 3],
        ["QGemm"] = [0, 3, 6],
        ["QLinearAdd"] = [0, 3],
        ["QLinearMul"] = [0, 3],
        ["QAttention"] = [1],
        ["MatMulInteger"] = [0, 1],
        ["ConvInteger"] = [1],
        ["MatMulIntegerToFloat"] = [1],
        ["DynamicQuantizeMatMul"] = [1],
        ["MatMulNBits"] = [1],
        ["MatMulBnb4"] = [1],
        ["GatherBlockQuantized"] = [0],
    };

    /// <summary>Operators that hand a quantized weight on.</summary>
    private static readonly HashSet<string> s_movements = ["Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Gather", "Slice", "Concat", "Split", "Flatten"];

    /// <summary>How many parameters an initializer holds; 0 when it is no weight.</summary>
    public static long Elements(Value value)
    {
        var tensor = value.Initializer!;
        if (tensor.Strings is not null || tensor.Type is DataType.Bool)
        {
            return 0;
        }

        if (Packed(value) is { } packed)
        {
            return packed;
        }

        if (IsFloat(tensor.Type))
        {
            // A single number is part of the arithmetic. So is a scale.
            return tensor.Dims.Count == 0 || (value.Uses.Count > 0 && value.Uses.All(IsSetting)) ? 0 : tensor.Count;
        }

        return FindQuantizedUse(value) is not null ? tensor.Count : 0;
    }

    /// <summary>The use, possibly behind movements, that takes a value as a quantized weight; null when there is none.</summary>
    public static Use? FindQuantizedUse(Value value)
    {
        var seen = new HashSet<Value> { value };
        var waiting = new Queue<Value>(seen);
        while (waiting.TryDequeue(out var current))
        {
            foreach (var use in current.Uses)
            {
                if (s_quantized.GetValueOrDefault(use.Node.OpType)?.Contains(use.Index) == true)
                {
                    return use;
                }

                if (s_movements.Contains(use.Node.OpType) && (use.Index == 0 || use.Node.Is("Concat")))
                {
                    foreach (var output in use.Node.Outputs.OfType<Value>().Where(seen.Add))
                    {
                        waiting.Enqueue(output);
                    }
                }
            }
        }

        return null;
    }

    public static bool IsFloat(DataType type) => type.IsFloat() || type is DataType.Float8E4M3FN or DataType.Float8E4M3FNUZ or DataType.Float8E5M2
        or DataType.Float8E5M2FNUZ or DataType.Float4E2M1 or DataType.Complex64 or DataType.Complex128;

    /// <summary>The parameters in a weight that is packed into bytes; null when it is not.</summary>
    public static long? Packed(Value value)
    {
        foreach (var use in value.Uses)
        {
            switch (use)
            {
                case { Node: { OpType: "MatMulNBits" or "MatMulBnb4" } node, Index: 1 }:
                    return node.GetInt("K", 0) * node.GetInt("N", 0);
                case { Node: { OpType: "GatherBlockQuantized" } node, Index: 0 } when value.Initializer!.Type == DataType.UInt8:
                    return value.Initializer.Count * (8 / Math.Clamp(node.GetInt("bits", 4), 1, 8));
            }
        }

        return null;
    }

    private static bool IsSetting(Use use)
    {
        if (s_settings.GetValueOrDefault(use.Node.OpType)?.Contains(use.Index) == true || (use.Node.OpType == "QLinearConcat" && use.Index % 3 != 2))
        {
            return true;
        }

        // Dynamic quantization multiplies the scales of input and weight first.
        return use.Node.Is("Mul") && use.Node.Inputs.Any(input => input?.Producer?.Is("DynamicQuantizeLinear") == true && input.ProducerIndex == 1);
    }
}
