using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// Puts twins beside the layers of a float32 model for as long as this lives: the same layer with quantized weight, activation and, where
/// it makes integers, result. What else is added to the graph through this goes with it, and the graph is what it was.
/// </summary>
/// <param name="model">The model, before anything is quantized.</param>
/// <param name="type">The integers of activations.</param>
/// <param name="domain">The domain of QuantizeLinear and DequantizeLinear.</param>
/// <param name="parametersOf">Scale and zero point of an activation.</param>
/// <param name="results">The values that are made as integers.</param>
internal sealed class TwinLayers(Model model, ActivationType type, string domain, Func<Value, AffineParameters> parametersOf, IReadOnlyCollection<Value> results) : IDisposable
{
    private readonly bool _knewDomain = model.OpsetImports.ContainsKey(CustomOperator.Domain);
    private readonly Stack<Action> _undo = new();

    /// <summary>Adds the twins of a layer.</summary>
    /// <param name="layer">The layer, quantized.</param>
    /// <returns>What each of its nodes computes, and what the twin does.</returns>
    public IReadOnlyList<(Value Result, Value Twin)> Add(StaticLayer layer)
    {
        var first = layer.Layer.Node;
        var weight = Dequantize(Constant("weight", layer.Integers), Constant("scale", layer.Scale), Constant("zero", layer.ZeroPoint), layer.Axis, node => model.Graph.InsertBefore(first, node));
        return [.. layer.Layer.Uses.Select((use, number) =>
        {
            var node = use.Node;
            var last = node;
            void Behind(Node added)
            {
                model.Graph.InsertAfter(last, added);
                last = added;
            }

            var input = Quantize(node.Inputs[0]!, node.Inputs[0]!, Behind);
            var twin = Node(node.OpType, [input, weight, .. node.Inputs.Skip(2)], node.Domain, Behind, [.. node.Attributes.Where(attribute => attribute.Name != "transB")]);
            if (layer.CorrectionOf(number) is { } correction)
            {
                twin = Node("Add", [twin, Constant("correction", correction)], "", Behind);
            }

            var result = node.Outputs[0]!;
            return (result, results.Contains(result) ? Quantize(twin, result, Behind) : twin);
        })];
    }

    /// <summary>Adds a node.</summary>
    /// <param name="op">The operator.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="operatorDomain">The operator's domain.</param>
    /// <param name="insert">Inserts it.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <returns>Its output.</returns>
    public Value Node(string op, IEnumerable<Value?> inputs, string operatorDomain, Action<Node> insert, params Attribute[] attributes)
    {
        if (operatorDomain == CustomOperator.Domain)
        {
            model.OpsetImports[CustomOperator.Domain] = 1;
        }

        var graph = model.Graph;
        var output = new Value(graph.UniqueName($"twin_{op}"), new TensorType(op == "QuantizeLinear" ? type.Type : DataType.Float, null));
        var node = new Node(op, inputs, [output], output.Name, operatorDomain, attributes);
        insert(node);
        _undo.Push(() => graph.Remove(node));
        return output;
    }

    /// <summary>Adds an input to the graph.</summary>
    public Value Input(string name, TensorType inputType)
    {
        var input = new Value(model.Graph.UniqueName(name), inputType);
        model.Graph.AddInput(input);
        _undo.Push(() => model.Graph.RemoveInput(input));
        return input;
    }

    /// <summary>Lets all who read a value read another one, but for the node that makes it.</summary>
    public void Replace(Value value, Value other)
    {
        value.ReplaceAllUses(other, other.Producer);
        _undo.Push(() => other.ReplaceAllUses(value));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_undo.TryPop(out var undo))
        {
            undo();
        }

        if (!_knewDomain)
        {
            model.OpsetImports.Remove(CustomOperator.Domain);
        }
    }

    private Value Quantize(Value value, Value like, Action<Node> insert)
    {
        var parameters = parametersOf(like);
        var (scale, zeroPoint) = (Constant("scale", Tensor.Float(parameters.Scale)), Constant("zero", type.ZeroPoint(parameters.ZeroPoint)));
        return Dequantize(Node("QuantizeLinear", [value, scale, zeroPoint], domain, insert), scale, zeroPoint, null, insert);
    }

    private Value Dequantize(Value integers, Value scale, Value zeroPoint, int? axis, Action<Node> insert) =>
        Node("DequantizeLinear", [integers, scale, zeroPoint], domain, insert, axis is { } a ? [Attribute.Int("axis", a)] : []);

    private Value Constant(string name, Tensor tensor)
    {
        var value = model.Graph.AddInitializer("twin_" + name, tensor);
        _undo.Push(() => model.Graph.RemoveInitializer(value));
        return value;
    }
}
