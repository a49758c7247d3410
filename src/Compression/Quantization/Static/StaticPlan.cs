using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// Which nodes of a graph are computed in integers, and which values have a quantized form for that. Layers come first. A value between them
/// stays in integers where all that happens to it can be done so; everywhere else it is float.
/// </summary>
internal sealed class StaticPlan
{
    private readonly HashSet<Node> _nodes = [];
    private readonly HashSet<Value> _results = [];
    private readonly Dictionary<Value, Value> _sources = [];
    private readonly bool _everywhere;
    private readonly IntegerLayout _layout;

    /// <summary>Makes a plan.</summary>
    /// <param name="graph">The main graph.</param>
    /// <param name="layers">The nodes of the layers to quantize.</param>
    /// <param name="everywhere">Whether what lies between quantized layers is computed in integers, too, where it can be.</param>
    /// <param name="layout">How the integers are laid out.</param>
    public StaticPlan(Graph graph, IReadOnlySet<Node> layers, bool everywhere, IntegerLayout layout)
    {
        (_everywhere, _layout) = (everywhere, layout);
        foreach (var node in graph.Nodes)
        {
            if (layers.Contains(node))
            {
                _nodes.Add(node);
                IsInteger(node.Inputs[0]!);
                if (MakesIntegers(node))
                {
                    AddResult(node);
                }
            }
            else if (everywhere && QuantizedOperators.Computes(node) && ActivationsOf(node) is { } inputs && inputs.Any(input => !IsConstant(input)) && inputs.All(input => IsConstant(input) || IsInteger(input)))
            {
                _nodes.Add(node);
                AddResult(node);
            }
        }

        // Others can leave their results in float; in integers they are of use where nobody needs anything else.
        foreach (var node in graph.Nodes.Where(node => layers.Contains(node) && !MakesIntegers(node) && IsReadByLayersAlone(ResultOf(node))))
        {
            AddResult(node);
        }
    }

    /// <summary>Makes a plan.</summary>
    /// <param name="graph">The main graph.</param>
    /// <param name="layers">The layers to quantize.</param>
    /// <param name="everywhere">Whether what lies between quantized layers is computed in integers, too, where it can be.</param>
    /// <param name="layout">How the integers are laid out.</param>
    public static StaticPlan Of(Graph graph, IEnumerable<Layer> layers, bool everywhere, IntegerLayout layout) => new(graph, layers.SelectMany(layer => layer.Uses).Select(use => use.Node).ToHashSet(), everywhere, layout);

    /// <summary>The nodes that are computed in integers: layers, and what lies between them.</summary>
    public IReadOnlyCollection<Node> Nodes => _nodes;

    /// <summary>The values that are made as integers: whoever needs them as numbers gets them from there.</summary>
    public IReadOnlyCollection<Value> Results => _results;

    /// <summary>All values that have a quantized form: <see cref="Results"/>, and what quantized nodes read.</summary>
    public IEnumerable<Value> Values => _results.Concat(_nodes.SelectMany(node => ActivationsOf(node)!).Where(value => !IsConstant(value))).Distinct();

    /// <summary>The value whose scale and zero point a value shares: itself, or what it was moved from.</summary>
    public Value SourceOf(Value value) => _sources.TryGetValue(value, out var source) ? SourceOf(source) : value;

    /// <summary>The inputs of a node that are quantized.</summary>
    public static Value[]? ActivationsOf(Node node)
    {
        var count = node.Is("Conv") || node.Is("Gemm") || node.Is("MatMul") ? 1 : node.Inputs.Count;
        Value[] values = [.. node.Inputs.Take(count).Where((input, index) => input is not null && QuantizedOperators.IsActivation(node, index)).Select(input => input!)];
        return values.All(value => value.ElementType == DataType.Float) ? values : null;
    }

    /// <summary>Whether a value is a constant.</summary>
    public static bool IsConstant(Value value) => value.ConstantTensor is not null || (value.Initializer is not null && !value.IsGraphInput);

    /// <summary>The value that is quantized behind a node: its output, or what is left of it by clipping.</summary>
    public static Value ResultOf(Node node)
    {
        var output = node.Outputs[0]!;
        while (output is { IsGraphOutput: false, Uses: [{ Node: var next, Index: 0 }] } && QuantizedOperators.Clips(next) && next.Graph == node.Graph)
        {
            output = next.Outputs[0]!;
        }

        return output;
    }

    private bool MakesIntegers(Node layer) => _layout.ConvolutionsMakeIntegers && layer.Is("Conv");

    private void AddResult(Node node) => _results.Add(ResultOf(node));

    /// <summary>Whether a value is there as integers, perhaps after it was moved, which is done in integers then, too.</summary>
    private bool IsInteger(Value value)
    {
        if (_results.Contains(value))
        {
            return true;
        }

        if (value.Producer is not { } node || !QuantizedOperators.Moves(node) || node.Inputs[0] is not { ElementType: DataType.Float } source || !IsInteger(source))
        {
            return false;
        }

        _nodes.Add(node);
        _results.Add(value);
        _sources[value] = source;
        return true;
    }

    private bool IsReadByLayersAlone(Value value) => !value.IsGraphOutput && value.Uses.Count > 0
        && value.Uses.All(use => _nodes.Contains(use.Node) && use.Index == 0 && (_everywhere || use.Node.OpType is "Conv" or "Gemm" or "MatMul"));
}
