using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Onnx;

/// <summary>A graph: inputs, initializers, nodes in topological order, outputs. Also the body of a function, or a subgraph of a node.</summary>
public sealed class Graph
{
    private readonly List<Node> _nodes = [];
    private readonly List<Value> _inputs = [];
    private readonly List<Value> _initializers = [];
    private readonly List<Value> _sparseInitializers = [];

    /// <summary>Names in use, with the number to try next when one is wished for again; made when the first name is wished for.</summary>
    private Dictionary<string, int>? _names;

    /// <summary>Nodes before this index know their position, so that edits in order need no search.</summary>
    private int _numbered;

    /// <summary>Creates an empty graph.</summary>
    public Graph() => Outputs = new GraphOutputs(this);

    /// <summary>Its name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Documentation.</summary>
    public string DocString { get; set; } = "";

    /// <summary>Inputs, in order.</summary>
    public IReadOnlyList<Value> Inputs => _inputs;

    /// <summary>Outputs, in order; a value may be listed twice.</summary>
    public GraphOutputs Outputs { get; }

    /// <summary>Values with a constant, in order.</summary>
    public IReadOnlyList<Value> Initializers => _initializers;

    /// <summary>Values with a sparse constant, in order.</summary>
    public IReadOnlyList<Value> SparseInitializers => _sparseInitializers;

    /// <summary>Nodes, each after the nodes that make its inputs.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Free key-value pairs.</summary>
    public List<KeyValuePair<string, string>> Metadata { get; } = [];

    /// <summary>The node that has this graph as an attribute; null for the main graph and function bodies.</summary>
    public Node? Owner { get; internal set; }

    /// <summary>Quantization annotations, kept encoded.</summary>
    internal List<ReadOnlyMemory<byte>> QuantizationAnnotations { get; } = [];

    internal ReadOnlyMemory<byte> UnknownFields { get; set; }

    private Graph Root => Owner?.Graph?.Root ?? this;

    /// <summary>Adds an input.</summary>
    public void AddInput(Value value)
    {
        _inputs.Add(value);
        value.IsGraphInput = true;
        value.Home = this;
        Reserve(value.Name);
    }

    /// <summary>Removes an input; an initializer that was its default stays as a constant.</summary>
    public void RemoveInput(Value value)
    {
        if (_inputs.Remove(value))
        {
            value.IsGraphInput = false;
            value.Home = value.Initializer is null && value.SparseInitializer is null ? null : this;
        }
    }

    /// <summary>Adds a value with a constant; <see cref="Value.Initializer"/> or <see cref="Value.SparseInitializer"/> must be set.</summary>
    public Value AddInitializer(Value value)
    {
        (value switch
        {
            { Initializer: not null } => _initializers,
            { SparseInitializer: not null } => _sparseInitializers,
            _ => throw new ArgumentException($"'{value.Name}' has no constant.", nameof(value)),
        }).Add(value);
        value.Home = this;
        Reserve(value.Name);
        return value;
    }

    /// <summary>Adds a constant under a name that is made unique.</summary>
    public Value AddInitializer(string name, Tensor tensor) =>
        AddInitializer(new Value(UniqueName(name), new TensorType(tensor.Type, Shape.Of(tensor.Dims))) { Initializer = tensor });

    /// <summary>Takes the constant away from a value, which leaves the graph by that unless it is an input.</summary>
    public void RemoveInitializer(Value value)
    {
        if (_initializers.Remove(value) || _sparseInitializers.Remove(value))
        {
            value.Initializer = null;
            value.SparseInitializer = null;
            value.Home = value.IsGraphInput ? this : null;
        }
    }

    /// <summary>Gives an initializer another constant, and the type that goes with it.</summary>
    public static void ReplaceInitializer(Value value, Tensor tensor)
    {
        value.Initializer = tensor;
        value.Type = new TensorType(tensor.Type, Shape.Of(tensor.Dims));
    }

    /// <summary>Appends a node.</summary>
    /// <exception cref="InvalidOperationException">The node is in a graph already.</exception>
    public void Add(Node node) => Insert(_nodes.Count, node);

    /// <summary>Inserts a node directly before another one of this graph.</summary>
    /// <exception cref="InvalidOperationException">The node is in a graph already.</exception>
    public void InsertBefore(Node position, Node node) => Insert(IndexOf(position), node);

    /// <summary>Inserts a node directly after another one of this graph.</summary>
    /// <exception cref="InvalidOperationException">The node is in a graph already.</exception>
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

    /// <summary>Removes a node, with its hold on inputs, outputs and what its subgraphs use; nobody may need its outputs any more.</summary>
    /// <exception cref="CompressToolException">An output is still used.</exception>
    public void Remove(Node node)
    {
        if (node.Outputs.FirstOrDefault(output => output is { IsUnused: false }) is { } used)
        {
            throw new CompressToolException(OnnxErrors.InvalidGraph, $"the node '{node.DisplayName}' cannot be removed: its output '{used.Name}' is still used");
        }

        var index = IndexOf(node);
        _nodes.RemoveAt(index);
        _numbered = Math.Min(_numbered, index);
        node.Graph = null;
        node.Disconnect();
    }

    /// <summary>Removes nodes and initializers that no output depends on.</summary>
    /// <returns>How many were removed.</returns>
    public int RemoveUnused()
    {
        // From the end on, so that what only unused nodes need is unused when its turn comes; moved together in one go.
        var kept = new List<Node>(_nodes.Count);
        foreach (var node in Enumerable.Reverse(_nodes))
        {
            if (node.Outputs.All(output => output is null or { IsUnused: true }))
            {
                node.Graph = null;
                node.Disconnect();
            }
            else
            {
                kept.Add(node);
            }
        }

        var removed = _nodes.Count - kept.Count;
        kept.Reverse();
        SetNodes(kept);
        foreach (var value in _initializers.Concat(_sparseInitializers).Where(value => value.IsUnused && !value.IsGraphInput).ToArray())
        {
            RemoveInitializer(value);
            removed++;
        }

        return removed;
    }

    /// <summary>Puts the nodes in topological order, keeping the present order where it is free.</summary>
    /// <exception cref="CompressToolException">The graph has a cycle.</exception>
    public void SortTopologically()
    {
        if (TopologicalOrder.Sort(_nodes) is { } sorted)
        {
            SetNodes(sorted);
        }
    }

    /// <summary>Puts the nodes in another order.</summary>
    /// <param name="nodes">All nodes of the graph, each once.</param>
    /// <exception cref="ArgumentException">They are not the nodes of the graph.</exception>
    public void Reorder(IEnumerable<Node> nodes)
    {
        List<Node> order = [.. nodes];
        if (order.Count != _nodes.Count || !order.ToHashSet().SetEquals(_nodes))
        {
            throw new ArgumentException("The order must hold each node of the graph once.", nameof(nodes));
        }

        SetNodes(order);
    }

    /// <summary>A name that no value or node of this graph, its subgraphs and the graphs around it has: the wish itself, or with a number behind it.</summary>
    public string UniqueName(string wish)
    {
        var root = Root;
        if (root._names is null)
        {
            root._names = [];
            root.ReserveAll(root);
        }

        if (root._names.TryAdd(wish, 1))
        {
            return wish;
        }

        for (var number = root._names[wish]; ; number++)
        {
            var candidate = $"{wish}_{number}";
            if (root._names.TryAdd(candidate, 1))
            {
                root._names[wish] = number + 1;
                return candidate;
            }
        }
    }

    /// <summary>All values of this graph, each once: inputs, initializers, node outputs.</summary>
    public IEnumerable<Value> Values() =>
        _inputs.Concat(_initializers.Concat(_sparseInitializers).Where(value => !value.IsGraphInput)).Concat(_nodes.SelectMany(node => node.Outputs).OfType<Value>());

    /// <summary>The value of a name in this graph (not its subgraphs); null when there is none. Scans; build a dictionary for many look-ups.</summary>
    public Value? FindValue(string name) => Values().FirstOrDefault(value => value.Name == name);

    /// <summary>This graph and all subgraphs below it, outer ones first.</summary>
    public IEnumerable<Graph> AllGraphs() => _nodes.SelectMany(node => node.Subgraphs).SelectMany(graph => graph.AllGraphs()).Prepend(this);

    /// <summary>All nodes of this graph and its subgraphs.</summary>
    public IEnumerable<Node> AllNodes() => AllGraphs().SelectMany(graph => graph._nodes);

    /// <summary>Keeps a name from being given by <see cref="UniqueName"/>.</summary>
    internal void Reserve(string name) => Root._names?.TryAdd(name, 1);

    /// <summary>Lets go of everything inside; for a subgraph whose node is dropped.</summary>
    internal void Disconnect()
    {
        Owner = null;
        Outputs.Clear();
        foreach (var node in _nodes)
        {
            node.Disconnect();
        }
    }

    private void SetNodes(List<Node> nodes)
    {
        _nodes.Clear();
        _nodes.AddRange(nodes);
        _numbered = 0;
    }

    private int IndexOf(Node node)
    {
        if (node.Position < _numbered && _nodes[node.Position] == node)
        {
            return node.Position;
        }

        for (; _numbered < _nodes.Count; _numbered++)
        {
            _nodes[_numbered].Position = _numbered;
            if (_nodes[_numbered] == node)
            {
                return _numbered++;
            }
        }

        throw new ArgumentException($"'{node.DisplayName}' is not a node of this graph.", nameof(node));
    }

    private void Insert(int index, Node node)
    {
        if (node.Graph is not null)
        {
            throw new InvalidOperationException($"'{node.DisplayName}' is in a graph already.");
        }

        _nodes.Insert(index, node);
        _numbered = Math.Min(_numbered, index);
        node.Graph = this;
        if (Root is { _names: not null } root)
        {
            root.ReserveAll(node);
        }
    }

    private void ReserveAll(Node node)
    {
        _names!.TryAdd(node.Name, 1);
        foreach (var output in node.Outputs)
        {
            _names.TryAdd(output?.Name ?? "", 1);
        }

        foreach (var graph in node.Subgraphs)
        {
            ReserveAll(graph);
        }
    }

    private void ReserveAll(Graph graph)
    {
        foreach (var value in graph._inputs.Concat(graph._initializers).Concat(graph._sparseInitializers))
        {
            _names!.TryAdd(value.Name, 1);
        }

        foreach (var node in graph._nodes)
        {
            ReserveAll(node);
        }
    }
}
