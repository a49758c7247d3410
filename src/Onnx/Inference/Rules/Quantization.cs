namespace CompressTool.Onnx.Inference.Rules;

/// <summary>Quantized tensors and element-wise operators on them.</summary>
internal static class Quantization
{
    /// <summary>The type comes from the attribute, else the zero point, else it is uint8.</summary>
    public static void Quantize(NodeContext c)
    {
        var type = c.Has(2) ? c.Type(2) : DataType.UInt8;
        c.Set(0, c.TypeAttribute("output_dtype", DataType.Undefined) is var given && given != DataType.Undefined ? given : type, c.Dims(0));
        CheckScale(c);
    }

    public static void Dequantize(NodeContext c)
    {
        c.Set(0, c.TypeAttribute("output_dtype", DataType.Undefined) is var given && given != DataType.Undefined ? given : c.Type(1), c.Dims(0));
        CheckScale(c);
    }

    /// <summary>Outputs: quantized tensor, scale, zero point.</summary>
    public static void DynamicQuantize(NodeContext c)
    {
        c.Set(0, DataType.UInt8, c.Dims(0));
        c.Set(1, DataType.Float, []);
        c.Set(2, DataType.UInt8, []);
    }

    /// <summary>com.microsoft: a, scale, zero point, b, scale, zero point, output scale, zero point.</summary>
    public static void Binary(NodeContext c) => c.Set(0, c.SameType(0, 3), Broadcasting.OfInputs(c, 0, 3));

    /// <summary>com.microsoft: condition, then tensor, scale, zero point twice, output scale, zero point.</summary>
    public static void Where(NodeContext c) => c.Set(0, c.SameType(1, 4), Broadcasting.OfInputs(c, 0, 1, 4));

    /// <summary>A scale per channel has the length of the channel axis.</summary>
    private static void CheckScale(NodeContext c)
    {
        if (c.Dims(0) is { Length: > 1 } x && c.Dims(1) is [{ Number: { } length }] scale && length != 1 && c.Int("block_size", 0) == 0
            && Expression.Differ(scale[0], x[c.Axis(c.Int("axis", 1), x.Length)]))
        {
            throw c.Mismatch($"its scale {NodeContext.Show(scale)} does not fit axis {c.Int("axis", 1)} of its input {NodeContext.Show(x)}");
        }
    }
}
