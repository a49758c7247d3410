using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization;

/// <summary>
/// Divides the channels of a value by numbers, in the constants that it is computed from: scale and shift of a normalisation, weight and
/// bias of a layer, factors and summands. No node is added, so that the model is as fast as before. With the rows of the weights that read the value
/// multiplied in turn, the model computes what it did, up to rounding. Shapes have to be known (<see cref="Onnx.Inference.ShapeInference"/>).
/// </summary>
internal sealed class ChannelScaling
{
    private readonly IReadOnlyDictionary<Node, Layer> _layers;
    private readonly List<ScaledConstant> _constants = [];

    private ChannelScaling(IReadOnlyDictionary<Node, Layer> layers, int channels) => (_layers, Channels) = (layers, channels);

    /// <summary>Number of channels.</summary>
    public int Channels { get; }

    /// <summary>Why the value cannot be divided; null when it can.</summary>
    public string? Reason { get; private set; }

    /// <summary>Layers by their nodes.</summary>
    public static IReadOnlyDictionary<Node, Layer> LayersByNode(Graph graph) => Layers.Find(graph).SelectMany(layer => layer.Uses.Select(use => (use.Node, layer))).DistinctBy(item => item.Node).ToDictionary(item => item.Node, item => item.layer);

    /// <summary>Finds out whether and where the channels of a value, which lie along its last axis, can be divided.</summary>
    /// <param name="value">The value.</param>
    /// <param name="readers">The nodes whose weights will be multiplied; they take the value as their first input.</param>
    /// <param name="layers">The layers of the model as it is now (<see cref="LayersByNode"/>).</param>
    public static ChannelScaling Find(Value value, IReadOnlyCollection<Node> readers, IReadOnlyDictionary<Node, Layer> layers)
    {
        var (rank, channels) = (value.Shape?.Count ?? 0, value.Shape is [.., { Value: { } last }] && last is > 0 and < int.MaxValue ? (int)last : 0);
        var result = new ChannelScaling(layers, channels);
        result.Reason = channels == 0 ? $"the number of channels of '{value.Name}' is not known"
            : value.IsGraphOutput ? $"'{value.Name}' is an output of the model"
            : Readers(value).FirstOrDefault(use => use.Index != 0 || !readers.Contains(use.Node)) is { Node: { } other } ? $"'{other.DisplayName}' reads '{value.Name}', too"
            : result.Trace(value, ChannelMap.Along(rank - 1, channels));
        return result;
    }

    /// <summary>Divides the channels of the value.</summary>
    /// <param name="scales">A positive number for each channel.</param>
    /// <exception cref="InvalidOperationException">It cannot be divided.</exception>
    public void Divide(ReadOnlySpan<float> scales)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(scales.Length, Channels);
        if (Reason is not null)
        {
            throw new InvalidOperationException(Reason);
        }

        foreach (var constant in _constants)
        {
            constant.Apply(scales);
        }
    }

    /// <summary>Why the weight of a layer cannot be scaled; null when it can.</summary>
    public static string? Unfit(Layer layer)
    {
        if (layer.Tensor.Type != DataType.Float || layer.InputAxis is null || layer.OutputAxis is null)
        {
            return layer.Tensor.Type == DataType.Float ? "its nodes use the weight in different ways" : $"its weight is {layer.Tensor.Type.DisplayName()}";
        }

        var waiting = new Stack<Value>([layer.Weight]);
        while (waiting.TryPop(out var value))
        {
            foreach (var use in value.Uses.Where(use => !layer.Uses.Contains(use)))
            {
                if (!use.Node.Is("Transpose") && !use.Node.Is("Identity"))
                {
                    return $"'{use.Node.DisplayName}' reads its weight, too";
                }

                waiting.Push(use.Node.Outputs[0]!);
            }

            if (value.IsGraphOutput)
            {
                return "its weight is an output of the model";
            }
        }

        return null;
    }

    /// <summary>Multiplies the rows of a layer's weight, one for each input channel; all of its nodes have to read divided values.</summary>
    /// <param name="layer">A MatMul or Gemm that <see cref="Unfit"/> has nothing against.</param>
    /// <param name="scales">A positive number for each channel.</param>
    public static void MultiplyRows(Layer layer, ReadOnlySpan<float> scales) => new ScaledConstant(layer.Weight, null, ChannelMap.Along(layer.InputAxis!.Value, scales.Length), multiplies: true).Apply(scales);

    /// <summary>Finds the constants behind a value that only one node reads.</summary>
    /// <returns>Why there are none; null when there are.</returns>
    private string? TraceOnly(Value value, ChannelMap map) => value.IsGraphOutput ? $"'{value.Name}' is an output of the model"
        : Readers(value).Skip(1).Any() ? $"several nodes read '{value.Name}'"
        : Trace(value, map);

    /// <summary>The uses of a value, but for those that ask for its shape alone.</summary>
    private static IEnumerable<Use> Readers(Value value) => value.Uses.Where(use => use.Node.Domain.Length > 0 || use.Node.OpType is not ("Shape" or "Size"));

    private string? Trace(Value value, ChannelMap map)
    {
        if (value.Producer is not { } node || value.ConstantTensor is not null)
        {
            return $"'{value.Name}' is not computed";
        }

        if (value.ElementType != DataType.Float || value.Shape is not { } shape || (node.Domain.Length > 0 && node.OpType is not ("SimplifiedLayerNormalization" or "SkipLayerNormalization" or "SkipSimplifiedLayerNormalization")))
        {
            return $"'{node.DisplayName}' ({node.OpType}) makes something else than float32 of a known shape";
        }

        return node.OpType switch
        {
            "LayerNormalization" or "RMSNormalization" or "SimplifiedLayerNormalization" => value.ProducerIndex == 0 ? Normalization(node, map, shape, 1, 2) : NotScaled(node),
            "SkipLayerNormalization" => value.ProducerIndex == 0 ? Normalization(node, map, shape, 2, 3) : NotScaled(node),
            "SkipSimplifiedLayerNormalization" => value.ProducerIndex == 0 ? Normalization(node, map, shape, 2) : NotScaled(node), // Its bias comes before.
            "InstanceNormalization" => map.Axes is [1] ? All(node, [1, 2], map with { Axes = [0] }, 1) : NotScaled(node),
            "MatMul" or "Gemm" or "Conv" when _layers.TryGetValue(node, out var layer) => Weights(node, layer, map, shape),
            "MatMul" => Product(node, map, shape),
            "Mul" => Either(node, map, shape),
            "Div" => Constant(new Use(node, 1), map, shape.Count, multiplies: true) ? null : Operand(new Use(node, 0), map, shape),
            "Add" or "Sub" => Operand(new Use(node, 0), map, shape) ?? Operand(new Use(node, 1), map, shape),
            "Relu" or "LeakyRelu" or "Identity" or "Neg" or "Abs" => TraceOnly(node.Inputs[0]!, map),
            "Transpose" => TraceOnly(node.Inputs[0]!, map.BeforeTranspose(node.GetInts("perm") ?? [.. Enumerable.Range(0, shape.Count).Reverse().Select(axis => (long)axis)])),
            "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" => node.Inputs[0]!.Shape is { } before && map.BeforeReshape(before, shape) is { } moved ? TraceOnly(node.Inputs[0]!, moved) : $"'{node.DisplayName}' ({node.OpType}) mixes channels, or its shape is not known",
            "Split" => Part(value, node, map, shape),
            "Gather" => Gather(node, map),
            _ => NotScaled(node),
        };
    }

    private static string NotScaled(Node node) => $"'{node.DisplayName}' ({node.OpType}) makes it, which has no scale";

    /// <summary>The scale of a normalisation, and its shift.</summary>
    private string? Normalization(Node node, ChannelMap map, Shape shape, params int[] constants)
    {
        // The constants have to hold all the channels as they are, for the operator takes no longer ones.
        var dims = node.Input(constants[0])?.ConstantTensor?.Dims;
        return dims is null || map.Shift(dims.Count - shape.Count) is not { } own || own.Axes.Index().Any(axis => dims[axis.Item] != own.Dims[axis.Index]) ? NotScaled(node)
            : All(node, constants, map, shape.Count);
    }

    /// <summary>All of some inputs that are there have to be constants.</summary>
    private string? All(Node node, int[] inputs, ChannelMap map, int rank) =>
        inputs.Where(input => node.Input(input) is not null).All(input => Constant(new Use(node, input), map, rank, multiplies: false)) ? null : NotScaled(node);

    private string? Weights(Node node, Layer layer, ChannelMap map, Shape shape)
    {
        var axis = node.Is("Conv") ? 1 : shape.Count - 1;
        if (map.Axes is not [var only] || only != axis || layer.OutputAxis is not { } output || layer.Uses is not [{ Index: 1 }] || Unfit(layer) is not null)
        {
            return $"the weight of '{node.DisplayName}' ({node.OpType}) cannot be scaled";
        }

        _constants.Add(new ScaledConstant(layer.Weight, null, map with { Axes = [output] }, multiplies: false));
        return node.Input(2) is null ? null
            : node.Is("Conv") ? All(node, [2], map with { Axes = [0] }, 1)
            : All(node, [2], map, shape.Count);
    }

    /// <summary>A product of two computed matrices: columns come from the right, rows from the left, and matrices from either.</summary>
    private string? Product(Node node, ChannelMap map, Shape shape)
    {
        var columns = !map.Axes.Contains(shape.Count - 2);
        return shape.Count < 2 || (!columns && map.Axes.Contains(shape.Count - 1)) ? NotScaled(node) : Broadcast(node.Inputs[columns ? 1 : 0]!, map, shape);
    }

    /// <summary>One of two factors: a constant, or else what can be scaled.</summary>
    private string? Either(Node node, ChannelMap map, Shape shape)
    {
        if (Constant(new Use(node, 0), map, shape.Count, multiplies: false) || Constant(new Use(node, 1), map, shape.Count, multiplies: false))
        {
            return null;
        }

        var count = _constants.Count;
        if (Broadcast(node.Inputs[0]!, map, shape) is not { } first)
        {
            return null;
        }

        _constants.RemoveRange(count, _constants.Count - count);
        return Broadcast(node.Inputs[1]!, map, shape) is null ? null : first;
    }

    private string? Operand(Use use, ChannelMap map, Shape shape) => Constant(use, map, shape.Count, multiplies: false) ? null : Broadcast(use.Node.Inputs[use.Index]!, map, shape);

    /// <summary>An operand that has all the channels itself.</summary>
    private string? Broadcast(Value operand, ChannelMap map, Shape shape) =>
        operand.Shape is { } own && map.Shift(own.Count - shape.Count) is { } shifted && shifted.Axes.Index().All(axis => own[axis.Item].Value == shifted.Dims[axis.Index])
            ? TraceOnly(operand, shifted) : $"'{operand.Name}' does not have all the channels";

    private bool Constant(Use use, ChannelMap map, int rank, bool multiplies)
    {
        if (ScaledConstant.Operand(use, rank, map, multiplies) is not { } constant)
        {
            return false;
        }

        _constants.Add(constant);
        return true;
    }

    private string? Part(Value value, Node node, ChannelMap map, Shape shape)
    {
        var axis = AxisOf(node, shape.Count);
        var lengths = node.Outputs.Select(output => output?.Shape?[axis].Value).ToArray();
        return lengths.Any(length => length is null or > int.MaxValue) ? $"where '{node.DisplayName}' divides is not known"
            : TraceOnly(node.Inputs[0]!, map.BeforePart(axis, (int)lengths.Take(value.ProducerIndex).Sum()!.Value, (int)lengths[value.ProducerIndex]!.Value, (int)lengths.Sum()!.Value));
    }

    /// <summary>Places of an axis; several nodes may take one each.</summary>
    private string? Gather(Node node, ChannelMap map)
    {
        var input = node.Inputs[0]!;
        if (input.Shape is not { } from || node.Inputs[1]!.Shape is not { Count: var added })
        {
            return $"the shape of '{input.Name}' is not known";
        }

        var axis = AxisOf(node, from.Count);
        if (map.BeforeGather(axis, added) is not { } all)
        {
            return $"'{node.DisplayName}' ({node.OpType}) mixes channels";
        }

        if (!Readers(input).Skip(1).Any())
        {
            return TraceOnly(input, all);
        }

        return !input.IsGraphOutput && from[axis].Value is { } length and < int.MaxValue && IndexOf(node, length) is { } index
            && Readers(input).All(use => use.Node == node || (IndexOf(use.Node, length) is { } other && other != index))
            ? Trace(input, all.BeforePart(axis, index, 1, (int)length)) : $"several nodes read '{input.Name}'";

        // Null when it is not known which one a node takes.
        int? IndexOf(Node other, long length) => other.Is("Gather") && AxisOf(other, from.Count) == axis && other.Inputs[1]!.ConstantTensor is { Dims.Count: 0 } constant
            ? (int)((constant.ToInt64s()[0] + length) % length) : null;
    }

    private static int AxisOf(Node node, int rank) => (int)((node.GetInt("axis", 0) + rank) % rank);
}
