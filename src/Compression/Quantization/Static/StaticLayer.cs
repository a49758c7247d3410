using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>A layer whose weight becomes 8-bit integers in front of a DequantizeLinear.</summary>
/// <param name="layer">The layer: Conv, MatMul or Gemm, fit for it (<see cref="Unfit"/>).</param>
/// <param name="range">The integers.</param>
/// <param name="perChannel">Whether each output channel has its own scale.</param>
/// <param name="hasIntegerBiases">Whether biases become 32-bit integers.</param>
internal sealed class StaticLayer(Layer layer, IntegerRange range, bool perChannel, bool hasIntegerBiases = true)
{
    private Tensor? _integers;
    private IReadOnlyList<float> _scales = [];
    private float[] _activations = [];
    private Bias?[] _biases = [];
    private float[]?[] _corrections = [];

    /// <summary>Why a layer cannot be quantized so; null when it can.</summary>
    public static string? Unfit(Layer layer, Graph graph)
    {
        if (layer.Tensor.Type != DataType.Float)
        {
            return $"its weight is {layer.Tensor.Type.DisplayName()}; quantize to int8 before fp16";
        }

        if (layer.Uses.Any(use => use.Node.Graph != graph))
        {
            return "it is inside the body of another node";
        }

        if (layer.Uses.Any(use => use.Node.Inputs[use.Index == 0 ? 1 : 0] is not { ElementType: DataType.Float }))
        {
            return "the type of its input is not known to be float32";
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

    /// <summary>Makes a product without a bias, and an addition, of every Gemm whose bias is not one number for each column.</summary>
    public static void SplitBias(Layer layer)
    {
        foreach (var (node, _) in layer.Uses)
        {
            if (node.Is("Gemm") && node.Input(2) is { } bias && !(bias.ConstantTensor is { Type: DataType.Float } tensor && tensor.Count == layer.Tensor.Dims[layer.OutputAxis!.Value] && tensor.Dims[^1] == tensor.Count))
            {
                var (graph, output) = (node.Graph!, node.Outputs[0]!);
                var product = new Value(graph.UniqueName(output.Name + "_Gemm"), output.Type);
                node.SetOutput(0, product);
                node.TruncateInputs(2);
                node.RemoveAttribute("beta");
                graph.InsertAfter(node, new Node("Add", [product, bias], [output], graph.UniqueName((node.Name.Length > 0 ? node.Name : output.Name) + "_Add")));
            }
        }
    }

    /// <summary>The layer.</summary>
    public Layer Layer => layer;

    /// <summary>The weight in integers: of a convolution as it is stored, of a product [K, N]. Known once it is quantized.</summary>
    public Tensor Integers => _integers!;

    /// <summary>One scale, or one for each index of <see cref="Axis"/>.</summary>
    public Tensor Scale => perChannel ? Tensor.Floats([_scales.Count], [.. _scales]) : Tensor.Float(_scales[0]);

    /// <summary>Zero points of the shape of <see cref="Scale"/>.</summary>
    public Tensor ZeroPoint => Tensor.Create<sbyte>(DataType.Int8, perChannel ? [_scales.Count] : [], new sbyte[_scales.Count]);

    /// <summary>The axis of the scales; null for one scale.</summary>
    public int? Axis => !perChannel ? null : layer.Kind == LayerKind.Conv ? 0 : 1;

    /// <summary>What stands for the weight.</summary>
    public IReadOnlyList<Tensor> Stored => [Integers, Scale, ZeroPoint];

    /// <summary>Quantizes the weight; the graph stays as it is.</summary>
    /// <param name="scaleOf">The scale of an activation.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>How far the weights moved.</returns>
    public WeightErrorSums Quantize(Func<Value, float> scaleOf, CancellationToken cancellationToken)
    {
        _activations = [.. layer.Uses.Select(use => scaleOf(use.Node.Inputs[0]!))];
        _biases = [.. layer.Uses.Select(use => BiasOf(use.Node))];
        _corrections = new float[]?[_biases.Length];
        var smallest = !hasIntegerBiases || _biases.All(bias => bias is null) ? (Func<int, float>?)null : channel =>
            _biases.Zip(_activations).Max(pair => pair.First is { } bias ? BiasQuantization.SmallestWeightScale(bias.Values[channel], pair.Second) : 0);
        if (layer.Kind == LayerKind.Conv)
        {
            var kernel = Int8Kernel.Analyze(layer.Tensor, range, perChannel, cancellationToken, smallest);
            (_integers, _scales) = (kernel.Integers(), kernel.Scales);
            return kernel.Error;
        }

        var matrix = Int8Matrix.Analyze(MatrixLayers.Weight(layer), range, perChannel, threads: 0, cancellationToken, smallest);
        (_integers, _scales) = (matrix.Integers(), matrix.Scales);
        return matrix.Error;
    }

    /// <summary>The integers that weights may take.</summary>
    public IntegerRange Range => range;

    /// <summary>Rows of the weight as a matrix: numbers that each output channel multiplies.</summary>
    public int Rows => layer.Kind == LayerKind.Conv ? checked((int)(layer.Tensor.Count / layer.Tensor.Dims[0])) : MatrixLayers.Weight(layer).K;

    /// <summary>The scale of an output channel.</summary>
    public float ScaleOf(int channel) => _scales[perChannel ? channel : 0];

    /// <summary>The weight as a matrix, [<see cref="Rows"/>, output channels].</summary>
    public float[] ReadColumns()
    {
        using var view = layer.Tensor.Data.View();
        var matrix = layer.Kind == LayerKind.Conv ? new WeightMatrix(layer.Tensor.Reshape(layer.Tensor.Dims[0], Rows), IsTransposed: true) : MatrixLayers.Weight(layer);
        return matrix.ReadColumns(view, 0, matrix.N);
    }

    /// <summary>Gives the weight other integers, of the same scales.</summary>
    /// <param name="codes">[<see cref="Rows"/>, output channels].</param>
    public void Replace(sbyte[] codes)
    {
        if (layer.Kind == LayerKind.Conv)
        {
            var (rows, columns) = (Rows, codes.Length / Rows);
            var kernel = new sbyte[codes.Length];
            for (var place = 0; place < codes.Length; place++)
            {
                kernel[(place % columns * rows) + (place / columns)] = codes[place];
            }

            codes = kernel;
        }

        _integers = Tensor.Create<sbyte>(DataType.Int8, Integers.Dims, codes);
    }

    /// <summary>How far the integers are from the weights.</summary>
    public WeightErrorSums MeasureError()
    {
        var (weights, codes, sums) = (ReadColumns(), Integers.ToArray<sbyte>(), default(WeightErrorSums));
        var (rows, columns) = (Rows, weights.Length / Rows);
        var rounded = new float[columns];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                rounded[column] = codes[layer.Kind == LayerKind.Conv ? (column * rows) + row : (row * columns) + column] * ScaleOf(column);
            }

            sums.Add(weights.AsSpan(row * columns, columns), rounded);
        }

        return sums;
    }

    /// <summary>Takes what quantization adds to the channels of a node's result on average off its bias; the graph stays as it is.</summary>
    /// <param name="number">Which of the layer's nodes.</param>
    /// <param name="shifts">What it adds to each channel.</param>
    /// <returns>Whether there is a bias, or the operator has room for one.</returns>
    public bool Correct(int number, ReadOnlySpan<double> shifts)
    {
        var node = layer.Uses[number].Node;
        if (_biases[number] is null && (node.Is("MatMul") || !shifts.ContainsAnyExcept(0)))
        {
            return !node.Is("MatMul");
        }

        var bias = _biases[number];
        _corrections[number] = BiasCorrection.Correct([], shifts);
        _biases[number] = new Bias(BiasCorrection.Correct(bias?.Values, shifts), bias?.Use ?? new Use(node, 2));
        return true;
    }

    /// <summary>What <see cref="Correct"/> adds to the result of a node, to be broadcast to it; null where it adds nothing.</summary>
    /// <param name="number">Which of the layer's nodes.</param>
    public Tensor? CorrectionOf(int number) => _corrections[number] is not { } numbers ? null
        : Tensor.Floats([numbers.Length, .. Enumerable.Repeat(1L, layer.Kind == LayerKind.Conv ? layer.Tensor.Dims.Count - 2 : 0)], numbers);

    /// <summary>Puts integers in the place of the weight and of its biases.</summary>
    /// <param name="writer">Writes them.</param>
    public void Write(QdqWriter writer)
    {
        var weight = writer.AddConstant(layer.Weight, Integers, Scale, ZeroPoint, Axis, layer.Node);
        foreach (var (number, (node, _)) in layer.Uses.Index())
        {
            var old = node.Inputs[1]!;
            node.SetInput(1, weight);
            node.RemoveAttribute("transB");
            if (old != layer.Weight)
            {
                old.RemoveIfUnused(); // A Transpose in between.
            }

            if (_biases[number] is { } bias && (hasIntegerBiases || _corrections[number] is not null))
            {
                var value = bias.Use.Node.Input(bias.Use.Index);
                var exact = hasIntegerBiases && value is not null ? value : node.Graph!.AddInitializer(value?.Name ?? $"{layer.Name}.bias", Tensor.Floats([bias.Values.Length], bias.Values));
                bias.Use.Node.SetInput(bias.Use.Index, hasIntegerBiases ? WriteBias(writer, bias, exact, number) : exact);
                value?.RemoveIfUnused();
                exact.RemoveIfUnused();
            }
        }

        MatrixLayers.RemoveWeight(layer);
    }

    private Value WriteBias(QdqWriter writer, Bias bias, Value exact, int number)
    {
        var (codes, scales, zeroPoints) = BiasQuantization.Quantize(bias.Values, _activations[number], _scales);
        return writer.AddConstant(exact, codes, scales, zeroPoints, scales.Dims.Count > 0 ? 0 : null, layer.Uses[number].Node, number == 0 ? "_bias" : $"_bias_{number}");
    }

    /// <summary>The constant that is added to what a node computes, one number for each column: its own, or that of an addition behind a MatMul, which ONNX Runtime makes a Gemm of.</summary>
    public static Bias? BiasOf(Node node)
    {
        if (!node.Is("MatMul"))
        {
            return node.Input(2)?.ConstantTensor is { } own ? new Bias(own.ToFloats(), new Use(node, 2)) : null;
        }

        return node.Outputs[0] is { IsGraphOutput: false, Uses: [{ Node: var add } use] } && add.Is("Add") && add.Graph == node.Graph
            && add.Inputs[1 - use.Index]!.ConstantTensor is { Type: DataType.Float, Dims.Count: 1 } tensor && tensor.Count == (Layers.ConstantOf(node.Inputs[1]!)?.Dims[^1] ?? tensor.Count)
            ? new Bias(tensor.ToFloats(), new Use(add, 1 - use.Index)) : null;
    }

    /// <summary>A bias.</summary>
    /// <param name="Values">One number for each channel.</param>
    /// <param name="Use">Where it is added.</param>
    public sealed record Bias(float[] Values, Use Use);
}
