using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Quantization.Dynamic;

/// <summary>
/// Replaces Conv, MatMul and Gemm layers by their integer forms. DynamicQuantizeLinear quantizes an activation while the model
/// runs, once for all layers that take it; the integer product is scaled back with the product of both scales, laid out as
/// ONNX Runtime fuses it.
/// </summary>
/// <param name="perChannel">Whether every column of a matrix has its own scale.</param>
/// <param name="reduceRange">Whether weights use 7 bits.</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
internal sealed class DynamicScheme(bool perChannel, bool reduceRange, int threads = 0) : ILayerScheme
{
    private readonly Dictionary<Value, QuantizedActivation> _activations = [];

    /// <inheritdoc/>
    public IReadOnlyList<LayerKind> Kinds { get; } = [LayerKind.Conv, LayerKind.MatMul, LayerKind.Gemm];

    /// <inheritdoc/>
    public string? Unfit(Layer layer)
    {
        if (layer.Tensor.Type != DataType.Float)
        {
            return $"its weight is {layer.Tensor.Type.DisplayName()}; quantize to int8 before fp16";
        }

        if (layer.Kind != LayerKind.Conv)
        {
            return MatrixLayers.Unfit(layer);
        }

        return !layer.IsDirect || layer.Uses.Any(use => !use.Node.Is("Conv")) ? "its weight is computed from another constant"
            : layer.Tensor.Count == 0 ? "its weight is empty"
            : layer.Uses.Any(use => use.Node.Input(2) is { ConstantTensor: null }) ? "its bias is not constant"
            : null;
    }

    /// <inheritdoc/>
    public (IReadOnlyList<Tensor> Stored, WeightErrorSums Error) Quantize(Layer layer, CancellationToken cancellationToken)
    {
        Tensor integers, scale, zeroPoint;
        WeightErrorSums error;
        if (layer.Kind == LayerKind.Conv)
        {
            // Unsigned: ONNX Runtime's ConvInteger has taken signed weights only since 1.24.
            var kernel = UInt8Kernel.Analyze(layer.Tensor, IntegerRange.Unsigned(reduceRange), threads, cancellationToken);
            (integers, scale, zeroPoint, error) = (kernel.Integers(), kernel.Scale, kernel.ZeroPoint, kernel.Error);
        }
        else
        {
            var matrix = Int8Matrix.Analyze(MatrixLayers.Weight(layer), IntegerRange.Signed(reduceRange), perChannel, threads, cancellationToken);
            (integers, scale, zeroPoint, error) = (matrix.Integers(), matrix.Scale, matrix.ZeroPoint, matrix.Error);
        }

        if (!error.IsFinite)
        {
            return ([], error);
        }

        var graph = layer.Weight.Graph!;
        var name = layer.Weight.Name;
        var weight = new QuantizedWeight(
            graph.AddInitializer(name + "_quantized", integers),
            graph.AddInitializer(name + "_scale", scale),
            graph.AddInitializer(name + "_zero_point", zeroPoint));
        foreach (var (node, _) in layer.Uses)
        {
            if (layer.Kind == LayerKind.Conv)
            {
                DetachBias(node);
                node.TruncateInputs(1);
                node.OpType = "ConvInteger";
            }
            else
            {
                MatrixLayers.Detach(node, layer);
                node.OpType = "MatMulInteger";
            }

            Rewrite(node, weight);
        }

        MatrixLayers.RemoveWeight(layer);
        return ([integers, scale, zeroPoint], error);
    }

    /// <summary>Turns a node whose one input is the activation into the integer product and what scales it back.</summary>
    private void Rewrite(Node node, QuantizedWeight weight)
    {
        var graph = node.Graph!;
        var output = node.Output(0)!;
        var shape = output.Shape;
        var name = node.Name.Length > 0 ? node.Name + "_quant" : output.Name + "_quant";
        var activation = Activation(node.Input(0)!);

        node.Name = graph.UniqueName(name);
        node.SetInput(0, activation.Integers);
        node.AddInput(weight.Integers);
        node.AddInput(activation.ZeroPoint);
        node.AddInput(weight.ZeroPoint);
        var sums = new Value(graph.UniqueName(output.Name + "_output_quantized"), new TensorType(DataType.Int32, shape));
        node.SetOutput(0, sums);

        var cast = New("Cast", sums.Name + "_cast", [sums], sums.Name + "_cast_output", shape, node, Attribute.Int("to", (long)DataType.Float));
        var scales = New("Mul", name + "_scales_mul", [activation.Scale, weight.Scale], name + "_scales_mul:0", weight.Scale.Shape, cast);
        var last = new Node("Mul", [cast.Output(0), scales.Output(0)], [output], graph.UniqueName(name + "_output_scale_mul"));
        graph.InsertAfter(scales, last);

        Node New(string op, string nodeName, IEnumerable<Value?> inputs, string outputName, Shape? outputShape, Node after, params IEnumerable<Attribute> attributes)
        {
            var value = new Value(graph.UniqueName(outputName), new TensorType(DataType.Float, outputShape));
            var added = new Node(op, inputs, [value], graph.UniqueName(nodeName), "", attributes);
            graph.InsertAfter(after, added);
            return added;
        }
    }

    /// <summary>Adds a convolution's bias behind it, shaped to run along the channels.</summary>
    private static void DetachBias(Node node)
    {
        if (node.Input(2) is not { } bias)
        {
            return;
        }

        var graph = node.Graph!;
        var output = node.Output(0)!;
        var rank = (node.Input(1)!.Initializer ?? node.Input(1)!.ConstantTensor)!.Dims.Count;
        var tensor = bias.ConstantTensor!;
        var shaped = bias.Graph!.AddInitializer(bias.Name + "_reshape_output", tensor.Reshape([1, tensor.Count, .. Enumerable.Repeat(1L, rank - 2)]));
        var scaled = new Value(graph.UniqueName(output.Name + "_quant_scaled_output"), output.Type);
        node.SetOutput(0, scaled);
        graph.InsertAfter(node, new Node("Add", [scaled, shaped], [output], graph.UniqueName((node.Name.Length > 0 ? node.Name : output.Name) + "_bias_add")));
        node.TruncateInputs(2);
        bias.RemoveIfUnused();
    }

    /// <summary>The quantized form of an activation; made once, directly behind it.</summary>
    private QuantizedActivation Activation(Value value)
    {
        if (_activations.TryGetValue(value, out var known))
        {
            return known;
        }

        var graph = value.Graph!;
        Value New(string suffix, DataType type, Shape? shape) => new(graph.UniqueName(value.Name + suffix), new TensorType(type, shape));

        var result = new QuantizedActivation(
            New("_quantized", DataType.UInt8, value.Shape), New("_scale", DataType.Float, Shape.Scalar), New("_zero_point", DataType.UInt8, Shape.Scalar));
        var node = new Node("DynamicQuantizeLinear", [value], [result.Integers, result.Scale, result.ZeroPoint], graph.UniqueName(value.Name + "_QuantizeLinear"));
        if (value.Producer is { } producer)
        {
            graph.InsertAfter(producer, node);
        }
        else
        {
            graph.InsertBefore(graph.Nodes[0], node);
        }

        return _activations[value] = result;
    }

    private sealed record QuantizedWeight(Value Integers, Value Scale, Value ZeroPoint);

    private sealed record QuantizedActivation(Value Integers, Value Scale, Value ZeroPoint);
}
