using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Inference;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>What the search for blocks asks a model: the order of nodes, shapes, costs, and what depends on what.</summary>
internal sealed class BlockGraph
{
    private readonly Dictionary<Node, int> _positions = [];
    private readonly Dictionary<Node, NodeCost> _costs;
    private readonly Dictionary<Value, long> _weights;
    private readonly InferenceResult _shapes;
    private readonly HashSet<Value> _stream = [];
    private readonly long _batch;

    /// <param name="model">The model; it is not changed.</param>
    /// <param name="bindings">Numbers for symbolic dimensions; <see cref="LengthsOf"/> when null.</param>
    public BlockGraph(Model model, IReadOnlyDictionary<string, long>? bindings = null)
    {
        Graph = model.Graph;
        bindings ??= LengthsOf(model);
        var cost = ModelCost.Measure(model, bindings);
        _costs = cost.Nodes.ToDictionary(node => node.Node);
        _weights = cost.Weights.ToDictionary(weight => weight.Value, weight => weight.Elements);
        _batch = cost.Batch;
        _shapes = ShapeInference.Analyze(model, new InferenceOptions { Bindings = UsualDims.Of(model).Concat(bindings).GroupBy(pair => pair.Key).ToDictionary(pairs => pairs.Key, pairs => pairs.Last().Value), Refresh = true });
        foreach (var (index, node) in Graph.Nodes.Index())
        {
            _positions[node] = index;
        }

        FollowStream();
    }

    /// <summary>The main graph.</summary>
    public Graph Graph { get; }

    /// <summary>
    /// Numbers for the dimensions that a model leaves open, but for the batch: as it is made for, or any that fit, since sizes
    /// on the way up can only be compared with those on the way down as numbers.
    /// </summary>
    public static IReadOnlyDictionary<string, long> LengthsOf(Model model)
    {
        var batches = model.Graph.Inputs.Select(input => input.Shape is { Count: > 0 } shape ? shape[0].Symbol : null).ToHashSet();
        return ProbeSizes.Of(model).Where(length => !batches.Contains(length.Key)).ToDictionary();
    }

    /// <summary>Where a node stands in the graph's order.</summary>
    public int Position(Node node) => _positions[node];

    /// <summary>Where the node stands that computes a value; -1 for inputs and initializers.</summary>
    public int Position(Value value) => value.Producer is { } node && _positions.TryGetValue(node, out var position) ? position : -1;

    /// <summary>The type of a value with the lengths that the model is made for; null when it is not known.</summary>
    public TensorType? TypeOf(Value value) => _shapes.TypeOf(value);

    /// <summary>The shape of a value; null when it is not known.</summary>
    public Shape? ShapeOf(Value value) => TypeOf(value)?.Shape;

    /// <summary>True when two values have the same element type and the same known shape.</summary>
    public bool IsSameShape(Value one, Value other) => TypeOf(one) is { Shape: { } a } first && TypeOf(other) is { Shape: { } b } second
        && first.ElementType == second.ElementType && a.Count == b.Count && a.Zip(b).All(pair => IsSame(pair.First, pair.Second));

    /// <summary>True for two dimensions that are known to be equal.</summary>
    public static bool IsSame(Dim one, Dim other) => !one.IsUnknown && one.Value == other.Value && one.Symbol == other.Symbol;

    /// <summary>True for a value that depends on the model's main input: the first of those with most dimensions.</summary>
    public bool IsStream(Value? value) => value is not null && _stream.Contains(value);

    /// <summary>True for a value that is no constant, neither stored nor made by a Constant node.</summary>
    public static bool IsComputed(Value? value) => value is not null && (value.Producer is { } node ? !node.Is("Constant") : value.IsGraphInput);

    /// <summary>True for a node with products.</summary>
    public bool HasProducts(Node node) => _costs.TryGetValue(node, out var cost) && cost.MacsWithAttention > 0;

    /// <summary>The cost of what goes with a block.</summary>
    public BlockCost CostOf(BlockRegion region)
    {
        double macs = 0, all = 0;
        foreach (var node in region.Nodes)
        {
            if (_costs.TryGetValue(node, out var cost))
            {
                macs += cost.Macs;
                all += cost.MacsWithAttention;
            }
        }

        return new BlockCost(region.Initializers.Sum(value => _weights.GetValueOrDefault(value)), macs / _batch, all / _batch);
    }

    /// <summary>Makes a block of bypasses; null when nothing with products would go.</summary>
    public Block? TryCreate(BlockKind kind, Value source, params IReadOnlyList<Bypass> bypasses)
    {
        var region = BlockRegion.Of(bypasses);
        return region.Nodes.Any(HasProducts) ? new Block(kind, source, bypasses, region, CostOf(region)) : null;
    }

    /// <summary>True when a value is computed from another one, or is it.</summary>
    public bool DependsOn(Value value, Value ancestor)
    {
        if (value == ancestor)
        {
            return true;
        }

        var first = Position(ancestor);
        var seen = new HashSet<Node>();
        var open = new Stack<Value>([value]);
        while (open.TryPop(out var current))
        {
            if (Position(current) <= first || current.Producer is not { } node || !seen.Add(node))
            {
                continue;
            }

            foreach (var input in InputsOf(node))
            {
                if (input == ancestor)
                {
                    return true;
                }

                open.Push(input);
            }
        }

        return false;
    }

    /// <summary>What a node takes, and what its subgraphs take from outside.</summary>
    public static IEnumerable<Value> InputsOf(Node node) =>
        node.Inputs.OfType<Value>().Concat(node.Subgraphs.SelectMany(graph => graph.Nodes).SelectMany(InputsOf));

    private void FollowStream()
    {
        var main = Graph.Inputs.Where(input => input.Initializer is null).MaxBy(input => input.Shape?.Count ?? 0);
        if (main is null)
        {
            return;
        }

        _stream.Add(main);
        // Sizes of the input are no data: a timestep that is repeated for every sample does not become an image by that.
        foreach (var node in Graph.Nodes.Where(node => !node.Is("Shape") && !node.Is("Size") && InputsOf(node).Any(_stream.Contains)))
        {
            _stream.UnionWith(node.Outputs.OfType<Value>());
        }
    }
}
