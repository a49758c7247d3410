using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// Writes pairs of QuantizeLinear and DequantizeLinear into a graph, laid out and named as ONNX Runtime's own tool does: one pair behind
/// each value, one DequantizeLinear behind each integer weight, the same scale and zero point wherever numbers are only moved.
/// </summary>
/// <param name="graph">The graph.</param>
/// <param name="type">The integers of activations.</param>
/// <param name="domain">The domain of the two operators.</param>
internal sealed class QdqWriter(Graph graph, ActivationType type, string domain)
{
    private readonly Dictionary<Value, (Value Scale, Value ZeroPoint)> _parameters = [];

    /// <summary>Puts a pair behind a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="source">The value whose scale and zero point it has: itself, or another one.</param>
    /// <param name="parameters">Those of the source.</param>
    /// <param name="isResult">Whether it is made as integers, so that all who read it read the pair; otherwise only some nodes do.</param>
    /// <param name="readers">The nodes that read the pair where it is no result.</param>
    public void AddPair(Value value, Value source, AffineParameters parameters, bool isResult, IReadOnlyCollection<Node> readers)
    {
        var (scale, zeroPoint) = Constants(source, parameters);
        var (name, isOutput) = (value.Name, value.IsGraphOutput);
        var quantize = New("QuantizeLinear", name, [value, scale, zeroPoint], new Value(graph.UniqueName(name + "_QuantizeLinear_Output"), new TensorType(type.Type, value.Shape)));
        if (value.Producer is { } maker)
        {
            graph.InsertAfter(maker, quantize);
        }
        else
        {
            graph.InsertBefore(graph.Nodes[0], quantize);
        }

        var result = new Value(graph.UniqueName(name + "_DequantizeLinear_Output"), value.Type);
        graph.InsertAfter(quantize, New("DequantizeLinear", name, [quantize.Outputs[0]!, scale, zeroPoint], result));
        if (isResult)
        {
            value.ReplaceAllUses(result, quantize);
            value.Name = isOutput ? graph.UniqueName(name + "_QuantizeLinear_Input") : name;
            return;
        }

        foreach (var (node, index) in value.Uses.ToArray())
        {
            if (readers.Contains(node) && QuantizedOperators.IsActivation(node, index))
            {
                node.SetInput(index, result);
            }
        }
    }

    /// <summary>Puts integers and a DequantizeLinear in the place of a constant.</summary>
    /// <param name="constant">The constant, for names.</param>
    /// <param name="integers">The integers.</param>
    /// <param name="scales">One scale, or one for each index of the axis.</param>
    /// <param name="zeroPoint">The zero points: of the shape of the scales.</param>
    /// <param name="axis">The axis of the scales; null for one scale.</param>
    /// <param name="before">The first node that reads it.</param>
    /// <param name="suffix">What distinguishes several of one constant.</param>
    /// <returns>The numbers.</returns>
    public Value AddConstant(Value constant, Tensor integers, Tensor scales, Tensor zeroPoint, int? axis, Node before, string suffix = "")
    {
        var name = constant.Name;
        var stored = graph.AddInitializer($"{name}_quantized{suffix}", integers);
        var (scale, zero) = suffix.Length > 0
            ? (graph.AddInitializer($"{name}_quantized_scale{suffix}", scales), graph.AddInitializer($"{name}_quantized_zero_point{suffix}", zeroPoint))
            : (graph.AddInitializer($"{name}_scale", scales), graph.AddInitializer($"{name}_zero_point", zeroPoint));
        var result = new Value(graph.UniqueName($"{name}_DequantizeLinear_Output{suffix}"), new TensorType(DataType.Float, Shape.Of(integers.Dims)));
        var node = New("DequantizeLinear", name + suffix, [stored, scale, zero], result);
        if (axis is { } a)
        {
            node.SetAttribute(Attribute.Int("axis", a));
        }

        graph.InsertBefore(before, node);
        return result;
    }

    private (Value Scale, Value ZeroPoint) Constants(Value source, AffineParameters parameters)
    {
        if (!_parameters.TryGetValue(source, out var known))
        {
            known = _parameters[source] = (graph.AddInitializer(source.Name + "_scale", Tensor.Float(parameters.Scale)), graph.AddInitializer(source.Name + "_zero_point", type.ZeroPoint(parameters.ZeroPoint)));
        }

        return known;
    }

    private Node New(string op, string name, IEnumerable<Value> inputs, Value output) => new(op, inputs, [output], graph.UniqueName($"{name}_{op}"), domain);
}
