using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx;

/// <summary>A graph: inputs, initializers, nodes in topological order, outputs. Also the body of a function, or a subgraph of a node.</summary>
public sealed class Graph
{
    private readonly List<Node> _nodes = [];
    private readonly List<Value> _inputs = [];
    private readonly List<Value> _initializers = [];
    private HashSet<string>? _names;

    /// <summary>Its name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Documentation.</summary>
    public string DocString { get; set; } = "";

    /// <summary>Inputs, in order.</summary>
    public IReadOnlyList<Value> Inputs => _inputs;

    /// <summary>Outputs, in order; a value may be listed twice.</summary>
    public List<Value> Outputs { get; } = [];

    /// <summary>Values with a constant, in order.</summary>
    public IReadOnlyList<Value> Initializers => _initializers;

    /// <summary>Nodes, each after the nodes that make its inputs.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Free key-value pairs.</summary>
    public List<KeyValuePair<string, string>> Metadata { get; } = [];

    /// <summary>The node that has this graph as an attribute; null for the main graph and function bodies.</summary>
    public Node? Owner { get; internal set; }

    /// <summary>Quantization annotations, kept encoded.</summary>
    internal List<ReadOnlyMemory<byte>> QuantizationAnnotations { get; } = [];

    /// <summary>Sparse initializers, kept encoded.</summary>
    internal List<(Value Value, ReadOnlyMemory<byte> Encoded)> SparseInitializers { get; } = [];

    internal ReadOnlyMemory<byte> UnknownFields { get; set; }

    /// <summary>Adds an input.</summary>
    public void AddInput(Value value)
    {
        _inputs.Add(value);
        value.IsGraphInput = true;
        Names?.Add(value.Name);
    }

    /// <summary>Removes an input; it must have no uses.</summary>
    public void RemoveInput(Value value)
    {
        _inputs.Remove(value);
        value.IsGraphInput = false;
    }

    /// <summary>Adds a value with a constant; <see cref="Value.Initializer"/> must be set.</summary>
    public Value AddInitializer(Value value)
    {
        if (value.Initializer is null)
        {
            throw new ArgumentException($"'{value.Name}' has no constant.", nameof(value));
        }

        _initializers.Add(value);
        Names?.Add(value.Name);
        return value;
    }

    /// <summary>Adds a constant under a name that is made unique.</summary>
    public Value AddInitializer(string name, Tensor tensor) =>
        AddInitializer(new Value(UniqueName(name), new TensorType(tensor.Type, Shape.Of(tensor.Dims))) { Initializer = tensor });

    /// <summary>Removes a constant; its value must have no uses left.</summary>
    public void RemoveInitializer(Value value) => _initializers.Remove(value);

    /// <summary>Gives an initializer another constant, and the type that goes with it.</summary>
    public static void ReplaceInitializer(Value value, Tensor tensor)
    {
        value.Initializer = tensor;
        value.Type = new TensorType(tensor.Type, Shape.Of(tensor.Dims));
    }

    /// <summary>Appends a node.</summary>
    public void Add(Node node) => Insert(_nodes.Count, node);

    /// <summary>Inserts a node directly before another one of this graph.</summary>
    public void InsertBefore(Node position, Node node) => Insert(IndexOf(position), node);

    /// <summary>Inserts a node directly after another one of this graph.</summary>
    public void InsertAfter(Node position, Node node) => Insert(IndexOf(position) + 1, node);

    /// <summary>Adds a node with one new output value and returns that value.</summary>
    /// <param name="before">Where to insert it; null appends it.</param>
    /// <param name="opType">The operator.</param>
    /// <param name="name">Name of node and output, made unique.</param>
    /// <param name="inputs">Inputs.</param>
    /// <param name="type">Type of the output; null when unknown.</param>
    /// <param name="domain">The operator's domain.</param>
    /// <param name="attributes">Attributes.</param>
    public Value AddNode(Node? before, string opType, string name, IEnumerable<Value?> inputs, OnnxType? type = null, string domain = "", params IEnumerable<Attribute> attributes)
    {
        var output = new Value(UniqueName(name), type);
        var node = new Node(opType, inputs, [output], output.Name, domain, attributes);
        if (before is null)
        {
            Add(node);
        }
        else
        {
            InsertBefore(before, node);
        }

        return output;
    }

    /// <summary>Removes a node, with its hold on inputs and outputs; nobody may need its outputs any more.</summary>
    /// <exception cref="CompressToolException">An output is still used.</exception>
    public void Remove(Node node)
    {
        foreach (var output in node.Outputs)
        {
            if (output is not null && (output.Uses.Count > 0 || Outputs.Contains(output)))
            {
                throw new CompressToolException(OnnxErrors.InvalidGraph, $"the node '{node.DisplayName}' cannot be removed: its output '{output.Name}' is still used");
            }
        }

        _nodes.RemoveAt(IndexOf(node));
        node.Graph = null;
        node.Disconnect();
    }

    /// <summary>Makes every consumer of one value (nodes, and this graph's outputs) take another one.</summary>
    public void ReplaceAllUses(Value old, Value replacement)
    {
        foreach (var use in old.Uses.ToArray())
        {
            use.Node.SetInput(use.Index, replacement);
        }

        for (var index = 0; index < Outputs.Count; index++)
        {
            if (Outputs[index] == old)
            {
                Outputs[index] = replacement;
            }
        }
    }

    /// <summary>A name that no value or node of this graph, its subgraphs and the graphs around it has: the wish itself, or with a number behind it.</summary>
    public string UniqueName(string wish)
    {
        var root = this;
        while (root.Owner?.Graph is { } outer)
        {
            root = outer;
        }

        root._names ??= [.. root.AllGraphs().SelectMany(graph => graph.Values().Select(value => value.Name).Concat(graph.Nodes.Select(node => node.Name)))];
        if (root._names.Add(wish))
        {
            return wish;
        }

        for (var number = 1; ; number++)
        {
            var candidate = $"{wish}_{number}";
            if (root._names.Add(candidate))
            {
                return candidate;
            }
        }
    }

    /// <summary>All values of this graph, each once: inputs, initializers, node outputs.</summary>
    public IEnumerable<Value> Values() =>
        _inputs.Concat(_initializers.Where(value => !value.IsGraphInput))
            .Concat(SparseInitializers.Select(sparse => sparse.Value).Where(value => !value.IsGraphInput))
            .Concat(_nodes.SelectMany(node => node.Outputs).OfType<Value>());

    /// <summary>The value of a name in this graph (not its subgraphs); null when there is none. Scans; build a dictionary for many look-ups.</summary>
    public Value? FindValue(string name) => Values().FirstOrDefault(value => value.Name == name);

    /// <summary>This graph and all subgraphs below it, outer ones first.</summary>
    public IEnumerable<Graph> AllGraphs() =>
        new[] { this }.Concat(_nodes.SelectMany(node => node.Attributes).SelectMany(attribute => attribute.Graphs).SelectMany(graph => graph.AllGraphs()));

    /// <summary>All nodes of this graph and its subgraphs.</summary>
    public IEnumerable<Node> AllNodes() => AllGraphs().SelectMany(graph => graph._nodes);

    /// <summary>Removes nodes and initializers that no output depends on.</summary>
    /// <returns>How many were removed.</returns>
    public int RemoveUnused()
    {
        var outputs = new HashSet<Value>(Outputs);
        var removed = 0;
        for (var index = _nodes.Count - 1; index >= 0; index--)
        {
            var node = _nodes[index];
            if (node.Outputs.All(output => output is null || (output.Uses.Count == 0 && !outputs.Contains(output))))
            {
                foreach (var inner in node.Attributes.SelectMany(attribute => attribute.Graphs).SelectMany(graph => graph.AllNodes()))
                {
                    inner.TruncateInputs(0);
                }

                _nodes.RemoveAt(index);
                node.Graph = null;
                node.Disconnect();
                removed++;
            }
        }

        return removed + _initializers.RemoveAll(value => value.Uses.Count == 0 && !value.IsGraphInput && !outputs.Contains(value));
    }

    /// <summary>Puts the nodes in topological order, keeping the present order where it is free.</summary>
    /// <exception cref="CompressToolException">The graph has a cycle.</exception>
    public void SortTopologically()
    {
        var position = _nodes.Index().ToDictionary(item => item.Item, item => item.Index);
        var waiting = new int[_nodes.Count];
        var consumers = new List<int>[_nodes.Count];
        foreach (var (index, node) in _nodes.Index())
        {
            // A subgraph's use of an outer value is a use by the node that owns the subgraph.
            var inputs = node.Inputs.Concat(node.Attributes.SelectMany(attribute => attribute.Graphs).SelectMany(graph => graph.AllNodes()).SelectMany(inner => inner.Inputs));
            foreach (var producer in inputs.Select(input => input?.Producer).OfType<Node>().Distinct())
            {
                if (producer != node && position.TryGetValue(producer, out var source))
                {
                    (consumers[source] ??= []).Add(index);
                    waiting[index]++;
                }
            }
        }

        var ready = new PriorityQueue<int, int>(Enumerable.Range(0, _nodes.Count).Where(index => waiting[index] == 0).Select(index => (index, index)));
        var sorted = new List<Node>(_nodes.Count);
        while (ready.TryDequeue(out var index, out _))
        {
            sorted.Add(_nodes[index]);
            foreach (var consumer in consumers[index] ?? [])
            {
                if (--waiting[consumer] == 0)
                {
                    ready.Enqueue(consumer, consumer);
                }
            }
        }

        if (sorted.Count < _nodes.Count)
        {
            var stuck = _nodes.First(node => waiting[position[node]] > 0);
            throw new CompressToolException(OnnxErrors.InvalidGraph, $"the graph has a cycle through the node '{stuck.DisplayName}'");
        }

        _nodes.Clear();
        _nodes.AddRange(sorted);
    }

    private HashSet<string>? Names => Owner is null ? _names : null;

    private int IndexOf(Node node)
    {
        var index = _nodes.IndexOf(node);
        return index >= 0 ? index : throw new ArgumentException($"'{node.DisplayName}' is not a node of this graph.", nameof(node));
    }

    private void Insert(int index, Node node)
    {
        _nodes.Insert(index, node);
        node.Graph = this;
        foreach (var graph in node.Attributes.SelectMany(attribute => attribute.Graphs))
        {
            graph.Owner = node;
        }

        Names?.UnionWith(node.Outputs.OfType<Value>().Select(output => output.Name));
    }
}
