using CompressTool.Onnx.Inference;

namespace CompressTool.Onnx.Cost;

/// <summary>Goes through a model's graphs and adds up the products in them.</summary>
internal sealed class CostWalk
{
    /// <summary>Values that depend on nothing but constants, and the initializers they are made of.</summary>
    private readonly Dictionary<Value, Value[]> _constants = [];
    private readonly HashSet<Value> _claimed = [];

    /// <summary>Symbols without a number.</summary>
    public HashSet<string> CountedAsOne { get; } = [];

    /// <summary>The cost of every node of a graph.</summary>
    public IEnumerable<(Node Node, long Macs, long AttentionMacs, Value[] Weights)> Measure(Graph graph, GraphInference inference)
    {
        foreach (var initializer in graph.Initializers)
        {
            _constants[initializer] = [initializer];
        }

        foreach (var node in graph.Nodes)
        {
            var claimed = new List<Value>();
            var (macs, attention) = Measure(node, inference, claimed);
            yield return (node, macs, attention, [.. claimed]);
        }
    }

    /// <summary>The cost of one node; the weights that it is the first to use are added to the list.</summary>
    private (long Macs, long AttentionMacs) Measure(Node node, GraphInference inference, List<Value> claimed)
    {
        if (IsConstant(node))
        {
            Value[] sources = [.. node.Inputs.OfType<Value>().SelectMany(input => _constants.GetValueOrDefault(input) ?? []).Distinct()];
            foreach (var output in node.Outputs.OfType<Value>())
            {
                _constants[output] = sources;
            }

            return (0, 0);
        }

        claimed.AddRange(node.Inputs.OfType<Value>().SelectMany(input => _constants.GetValueOrDefault(input) ?? []).Where(_claimed.Add));
        var context = new NodeContext(inference, node);
        if (inference.Calls.TryGetValue(node, out var call))
        {
            return MeasureCall(node, call.Function, call.Body, claimed);
        }

        var (macs, attention) = (0L, 0L);
        foreach (var product in MacRules.Of(context))
        {
            var count = Number(product.Count);
            if (product.Right >= 0 && (IsConstant(node.Input(product.Left)) || IsConstant(node.Input(product.Right))))
            {
                macs = checked(macs + count);
            }
            else
            {
                attention = checked(attention + count);
            }
        }

        var inner = node.Subgraphs.Select(graph => Total(graph, inference, claimed)).ToArray();
        if (inner.Length > 0)
        {
            var rounds = Rounds(context);
            macs = checked(macs + (rounds * inner.Max(cost => cost.Macs)));
            attention = checked(attention + (rounds * inner.Max(cost => cost.AttentionMacs)));
        }

        return (macs, attention);
    }

    private (long Macs, long AttentionMacs) MeasureCall(Node node, Function function, GraphInference body, List<Value> claimed)
    {
        // The body's values stand for others in every call.
        foreach (var value in function.Body.AllGraphs().SelectMany(graph => graph.Values()))
        {
            _constants.Remove(value);
        }

        foreach (var (index, input) in function.Body.Inputs.Index())
        {
            if (node.Input(index) is { } argument && IsConstant(argument))
            {
                _constants[input] = [];
            }
        }

        return Total(function.Body, body, claimed);
    }

    private (long Macs, long AttentionMacs) Total(Graph graph, GraphInference inference, List<Value> claimed)
    {
        var (macs, attention) = (0L, 0L);
        foreach (var cost in Measure(graph, inference))
        {
            macs = checked(macs + cost.Macs);
            attention = checked(attention + cost.AttentionMacs);
            claimed.AddRange(cost.Weights);
        }

        return (macs, attention);
    }

    /// <summary>How often the body of a node runs.</summary>
    private long Rounds(NodeContext c) => c.Node.OpType switch
    {
        "Loop" => c.Numbers(0) is [> 0 and var rounds] ? rounds : 1,
        "Scan" when c.Node.Inputs.Count > 0 && c.Dims(c.InputCount - 1) is { Length: > 0 } sequence
            => Number(sequence[c.Axis(c.Ints("scan_input_axes") is [.., var axis] ? axis : 0, sequence.Length)]),
        _ => 1,
    };

    private bool IsConstant(Node node) => node.Is("Constant")
        || (node.Inputs.Count > 0 && node.Inputs.All(input => input is null || IsConstant(input)) && !node.Subgraphs.Any() && !node.OpType.StartsWith("Random", StringComparison.Ordinal));

    private bool IsConstant(Value? value) => value is not null && _constants.ContainsKey(value);

    private long Number(Expression expression)
    {
        if (expression.Number is { } number)
        {
            return number;
        }

        CountedAsOne.UnionWith(expression.Symbols().Select(atom => atom.Text));
        return expression.Substitute(_ => Expression.One).Number!.Value;
    }
}
