using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>Writes the quantized form of all activations of a plan.</summary>
internal static class ActivationPairs
{
    /// <summary>Puts pairs behind values, and integers in the place of constants between layers, whose range is their own.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="writer">Writes into the plan's graph.</param>
    /// <param name="type">The integers.</param>
    /// <param name="parametersOf">Scale and zero point of a value that is the source of its own.</param>
    public static void Write(StaticPlan plan, QdqWriter writer, ActivationType type, Func<Value, AffineParameters> parametersOf)
    {
        // Named before constants get their own DequantizeLinear, which is none of them.
        var (nodes, values) = (plan.Nodes.ToHashSet(), plan.Values.ToArray());
        foreach (var node in plan.Nodes.Where(node => !node.Is("Conv") && !node.Is("Gemm") && !node.Is("MatMul")))
        {
            foreach (var (index, constant) in node.Inputs.ToArray().Index().Where(input => input.Item is not null && QuantizedOperators.IsActivation(node, input.Index) && StaticPlan.IsConstant(input.Item)))
            {
                node.SetInput(index, WriteConstant(constant!, node, writer, type));
                constant!.RemoveIfUnused();
            }
        }

        foreach (var value in values)
        {
            var source = plan.SourceOf(value);
            writer.AddPair(value, source, parametersOf(source), plan.Results.Contains(value), nodes);
        }
    }

    private static Value WriteConstant(Value constant, Node node, QdqWriter writer, ActivationType type)
    {
        var tensor = Layers.ConstantOf(constant)!;
        var numbers = tensor.ToFloats();
        var parameters = AffineParameters.Spread(numbers.Min(), numbers.Max(), type.Range);
        var codes = Array.ConvertAll(numbers, number => (int)Math.Clamp(MathF.Round(number / parameters.Scale, MidpointRounding.ToEven) + parameters.ZeroPoint, type.Range.Low, type.Range.High));
        return writer.AddConstant(constant, type.Integers(tensor.Dims, codes), Tensor.Float(parameters.Scale), type.ZeroPoint(parameters.ZeroPoint), null, node, $"_{node.Outputs[0]!.Name}");
    }
}
