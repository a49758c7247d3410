using CompressTool.Onnx;

namespace CompressTool.Diffusion.Export;

/// <summary>
/// Compares a graph with the one that a configuration describes, from the outputs back: the same operators with the same attributes in
/// the same order, whatever the names. Then each parameter of the description has its counterpart in the graph.
/// </summary>
internal sealed class GraphMatch
{
    private readonly Dictionary<Value, Value> _pairs = [];
    private readonly Stack<(Value Described, Value Actual)> _open = new();
    private readonly Dictionary<string, Tensor> _parameters = [];

    private GraphMatch()
    {
    }

    /// <summary>The first difference that was found; null when the graphs are the same.</summary>
    public string? Difference { get; private set; }

    /// <summary>The tensors of the graph by the names of the description.</summary>
    public IReadOnlyDictionary<string, Tensor> Parameters => _parameters;

    /// <summary>Compares.</summary>
    /// <param name="described">The graph that the configuration describes.</param>
    /// <param name="actual">The graph there is.</param>
    public static GraphMatch Run(Graph described, Graph actual)
    {
        var match = new GraphMatch();
        if (described.Outputs.Count != actual.Outputs.Count)
        {
            match.Difference = $"it has {actual.Outputs.Count} outputs, not {described.Outputs.Count}";
            return match;
        }

        foreach (var (one, other) in described.Outputs.Zip(actual.Outputs))
        {
            match.Add(one, other);
        }

        while (match.Difference is null && match._open.TryPop(out var pair))
        {
            match.Difference = match.Compare(pair.Described, pair.Actual);
        }

        return match;
    }

    private void Add(Value described, Value actual)
    {
        (described, actual) = (Origin(described, casts: false), Origin(actual, casts: true));
        if (!_pairs.TryAdd(described, actual))
        {
            Difference ??= _pairs[described] == actual ? null : $"'{actual.Name}' stands where '{_pairs[described].Name}' is expected";
            return;
        }

        _open.Push((described, actual));
    }

    /// <summary>The value before nodes that change nothing, or nothing but the precision.</summary>
    private static Value Origin(Value value, bool casts) => value.SourceThrough(node =>
        node.Is("Identity") || (casts && node.Is("Cast") && node.Outputs[0]!.ElementType.IsFloat() && node.Inputs[0]!.ElementType.IsFloat()));

    private string? Compare(Value described, Value actual)
    {
        if (described.IsGraphInput)
        {
            return actual.IsGraphInput && actual.Name == described.Name ? null : $"'{actual.Name}' stands where the input '{described.Name}' is expected";
        }

        if (described.Initializer is { } parameter)
        {
            if (actual.Initializer is not { } tensor || actual.IsGraphInput)
            {
                return $"{Describe(actual)} stands where the parameter '{described.Name}' is expected";
            }

            if (!tensor.Dims.SequenceEqual(parameter.Dims))
            {
                return $"'{actual.Name}' is {tensor}, where [{string.Join(',', parameter.Dims)}] is expected";
            }

            if (!tensor.Type.IsFloat())
            {
                return $"'{actual.Name}' is {tensor}, not floating-point";
            }

            _parameters[described.Name] = tensor;
            return null;
        }

        var node = described.Producer!;
        if (described.ConstantTensor is { } constant)
        {
            return actual.ConstantTensor is { } number && number.Type == constant.Type && number.Dims.SequenceEqual(constant.Dims) && SameBytes(number, constant)
                ? null : $"{Describe(actual)} stands where the constant '{described.Name}' is expected";
        }

        if (actual.Producer is not { } other || other.OpType != node.OpType || other.Domain != node.Domain || actual.ProducerIndex != described.ProducerIndex)
        {
            return $"{Describe(actual)} stands where {node.OpType} ('{node.Name}') is expected";
        }

        if (!SameAttributes(node, other) || node.Inputs.Count != other.Inputs.Count)
        {
            return $"{Describe(actual)} has other settings than '{node.Name}'";
        }

        foreach (var (one, two) in node.Inputs.Zip(other.Inputs))
        {
            if (one is null != two is null)
            {
                return $"{Describe(actual)} has other inputs than '{node.Name}'";
            }

            if (one is not null)
            {
                Add(one, two!);
            }
        }

        return Difference;
    }

    private static string Describe(Value value) =>
        value.Producer is { } node ? $"{node.OpType} ('{node.DisplayName}')" : $"'{value.Name}'";

    private static bool SameAttributes(Node one, Node other) =>
        one.Attributes.Count == other.Attributes.Count && one.Attributes.All(attribute => other.Attributes.FirstOrDefault(candidate => candidate.Name == attribute.Name) is { } candidate
            && candidate.Kind == attribute.Kind && SameValue(attribute.Value, candidate.Value));

    private static bool SameValue(object? one, object? other) => (one, other) switch
    {
        (IReadOnlyList<long> a, IReadOnlyList<long> b) => a.SequenceEqual(b),
        (IReadOnlyList<float> a, IReadOnlyList<float> b) => a.SequenceEqual(b),
        (ReadOnlyMemory<byte> a, ReadOnlyMemory<byte> b) => a.Span.SequenceEqual(b.Span),
        (Tensor a, Tensor b) => a.Type == b.Type && a.Dims.SequenceEqual(b.Dims) && SameBytes(a, b),
        _ => Equals(one, other),
    };

    private static bool SameBytes(Tensor one, Tensor other)
    {
        using var first = one.Data.View();
        using var second = other.Data.View();
        return first.Span.SequenceEqual(second.Span);
    }
}
