using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>What nobody needs any more once values are bypassed.</summary>
internal sealed class BlockRegion
{
    private readonly HashSet<Node> _nodes = [];
    private readonly HashSet<Value> _initializers = [];
    private readonly Dictionary<Value, Value> _replaced;

    /// <summary>What stands for the bypassed values, which needs no user that is seen here.</summary>
    private readonly HashSet<Value> _kept;

    /// <summary>Uses that are left of the values that have lost one.</summary>
    private readonly Dictionary<Value, int> _left = [];

    private BlockRegion(IReadOnlyList<Bypass> bypasses)
    {
        _replaced = bypasses.ToDictionary(bypass => bypass.Exit, bypass => bypass.Entry);
        _kept = [.. bypasses.Select(bypass => Resolve(bypass.Entry, _replaced))];
    }

    /// <summary>The nodes, of the main graph.</summary>
    public IReadOnlySet<Node> Nodes => _nodes;

    /// <summary>The initializers.</summary>
    public IReadOnlySet<Value> Initializers => _initializers;

    /// <summary>Follows the graph back from bypassed values, as far as nothing else needs it; the graph is not changed.</summary>
    /// <param name="bypasses">What is bypassed.</param>
    public static BlockRegion Of(params IReadOnlyList<Bypass> bypasses)
    {
        var region = new BlockRegion(bypasses);
        var open = new Stack<Value>(region._replaced.Keys);
        while (open.TryPop(out var value))
        {
            region.Drop(value, open);
        }

        return region;
    }

    /// <summary>What stands for a value in the end, where replacements are replaced themselves.</summary>
    public static Value Resolve(Value value, IReadOnlyDictionary<Value, Value> replaced)
    {
        while (replaced.TryGetValue(value, out var entry))
        {
            value = entry;
        }

        return value;
    }

    /// <summary>Takes note that nobody needs a value.</summary>
    private void Drop(Value value, Stack<Value> open)
    {
        if (value.Producer is not { } node)
        {
            if (!value.IsGraphInput)
            {
                _initializers.Add(value);
            }
        }
        else if (node.Outputs.All(output => output is null || IsUnused(output)) && _nodes.Add(node))
        {
            Release(node, open);
        }
    }

    private bool IsUnused(Value value) => _replaced.ContainsKey(value) || (_left.TryGetValue(value, out var left) ? left == 0 : value.IsUnused);

    private void Release(Node node, Stack<Value> open)
    {
        foreach (var input in node.Inputs.OfType<Value>().Where(input => !_replaced.ContainsKey(input)))
        {
            var left = _left.TryGetValue(input, out var known) ? known : input.Uses.Count + (input.IsGraphOutput ? 1 : 0);
            _left[input] = --left;
            if (left == 0 && !_kept.Contains(input))
            {
                open.Push(input);
            }
        }

        foreach (var inner in node.Subgraphs.SelectMany(graph => graph.Nodes))
        {
            Release(inner, open);
        }
    }
}
