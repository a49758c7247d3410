using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>
/// Rewrites a graph so that everything but the nodes of a plan computes in a 16-bit type. Every value gets one type; where a
/// consumer wants the other one, a single Cast per value stands in between, and constants are stored in both types,
/// unless the plan wants them in the 16-bit type alone.
/// </summary>
/// <param name="model">The model; changed in place.</param>
/// <param name="plan">Which nodes stay in float32.</param>
/// <param name="keepIoTypes">Whether inputs and outputs of the model stay float32.</param>
internal sealed class PrecisionConverter(Model model, PrecisionPlan plan, bool keepIoTypes)
{
    private readonly ShortFloat _target = plan.Target;
    private readonly List<Graph> _graphs = [.. model.Graph.AllGraphs()];
    private readonly Dictionary<Value, DataType> _types = [];

    /// <summary>Constants that are stored in the 16-bit type now: name, and the tensor as it was.</summary>
    public List<(string Name, Tensor Before)> Converted { get; } = [];

    /// <summary>Number of nodes that compute in the 16-bit type.</summary>
    public int ConvertedNodes { get; private set; }

    /// <summary>Number of Cast nodes added.</summary>
    public int Casts { get; private set; }

    /// <summary>Changes the model.</summary>
    public void Run()
    {
        // Decide everything on the graph as it was, then change it.
        var work = new List<(Value Value, Demand Demand)>();
        foreach (var graph in _graphs)
        {
            work.AddRange(graph.Values().Where(plan.IsFloat).Select(value => (value, new Demand(value.Uses.Select(use => (use, plan.Wanted(use)))))));
        }

        var demands = work.ToDictionary(item => item.Value, item => item.Demand);
        foreach (var graph in _graphs)
        {
            foreach (var (index, output) in graph.Outputs.Index())
            {
                demands.GetValueOrDefault(output)?.Outputs.Add((graph, index, BorderType(graph)));
            }
        }

        foreach (var node in model.Graph.AllNodes())
        {
            if (!plan.Kept.ContainsKey(node) && node.Inputs.Concat(node.Outputs).Any(value => value is not null && demands.ContainsKey(value)))
            {
                ConvertedNodes += node.Is("Constant") ? 0 : 1;
                Float16Rules.ConvertAttributes(node, _target);
            }
        }

        foreach (var (value, demand) in work)
        {
            if (IsConstant(value))
            {
                ConvertConstant(value, demand);
            }
            else
            {
                ConvertComputed(value, demand);
            }
        }

        RemoveIdleCasts();
    }

    private DataType BorderType(Graph graph) => graph.Owner is { } owner
        ? plan.Kept.ContainsKey(owner) ? DataType.Float : _target.Type
        : keepIoTypes ? DataType.Float : _target.Type;

    /// <summary>True for weights, also those that old exporters list as graph inputs with a default.</summary>
    private static bool IsConstant(Value value) => value.Initializer is not null || value.Producer is { OpType: "Constant", Domain: "" };

    private void ConvertConstant(Value value, Demand demand)
    {
        var tensor = value.Initializer ?? value.ConstantTensor;
        var wantsBoth = demand.Wants(DataType.Float) && demand.Wants(_target.Type);
        var isStored = plan.Stores(value) && !demand.Outputs.Exists(output => output.Wanted == DataType.Float);
        if (tensor is null || ((wantsBoth || isStored) && value.IsGraphInput))
        {
            Connect(value, DataType.Float, demand); // A sparse constant; or a default that feeds may override, so it is one value.
            return;
        }

        if (isStored)
        {
            Converted.Add((value.Name, tensor));
            SetConstant(value, _target.Convert(tensor));
            Connect(value, _target.Type, demand);
            return;
        }

        if (!demand.Wants(_target.Type))
        {
            return;
        }

        Converted.Add((value.Name, tensor));
        if (wantsBoth && demand.Outputs.Any(output => output.Wanted == DataType.Float))
        {
            demand.Replace(_target.Type, value.Graph!.AddInitializer(value.Name + "_" + _target.Suffix, _target.Convert(tensor)));
            return; // An output of the model keeps its name.
        }

        if (wantsBoth)
        {
            demand.Replace(DataType.Float, value.Graph!.AddInitializer(value.Name + "_fp32", tensor));
        }

        SetConstant(value, _target.Convert(tensor));
    }

    private void SetConstant(Value value, Tensor tensor)
    {
        if (value.Initializer is not null)
        {
            value.Initializer = tensor;
        }
        else
        {
            foreach (var attribute in value.Producer!.Attributes.ToArray())
            {
                value.Producer.RemoveAttribute(attribute.Name);
            }

            value.Producer.SetAttribute(Onnx.Attribute.Tensor("value", tensor));
        }

        SetType(value, _target.Type);
    }

    private void ConvertComputed(Value value, Demand demand)
    {
        var type = value.Producer is not null ? plan.Computed(value)
            : value.IsGraphInput ? BorderType(value.Graph!)
            : DataType.Float; // A sparse constant.
        SetType(value, type);
        Connect(value, type, demand);
    }

    /// <summary>Gives those who want the other type a Cast of the value.</summary>
    private void Connect(Value value, DataType type, Demand demand)
    {
        var other = type == DataType.Float ? _target.Type : DataType.Float;
        if (!demand.Wants(other))
        {
            return;
        }

        var graph = value.Graph!;
        var suffix = other == DataType.Float ? "_cast_to_fp32" : "_cast_to_" + _target.Suffix;
        var name = value.Name;
        Value cast;
        if (demand.Outputs.Any(output => output.Graph.Owner is null && output.Wanted == other))
        {
            cast = new Value(name); // The output of the model keeps its name; what it is made from gets a new one.
            value.Name = graph.UniqueName(name + (type == DataType.Float ? "_fp32" : "_" + _target.Suffix));
        }
        else
        {
            cast = new Value(graph.UniqueName(name + suffix));
        }

        cast.Type = value.TensorType is { } declared ? declared with { ElementType = other } : null;
        var node = new Node("Cast", [value], [cast], graph.UniqueName(name + suffix), "", Onnx.Attribute.Int("to", (long)other));
        if (value.Producer is { } producer)
        {
            graph.InsertAfter(producer, node);
        }
        else if (graph.Nodes.Count > 0)
        {
            graph.InsertBefore(graph.Nodes[0], node);
        }
        else
        {
            graph.Add(node);
        }

        _types[cast] = other;
        demand.Replace(other, cast);
        Casts++;
    }

    private void SetType(Value value, DataType type)
    {
        _types[value] = type;
        if (value.TensorType is { } declared)
        {
            value.Type = declared with { ElementType = type };
        }
    }

    /// <summary>Removes the Casts of the model as it was that have come to lead from the 16-bit type to itself.</summary>
    private void RemoveIdleCasts()
    {
        foreach (var graph in _graphs)
        {
            foreach (var node in graph.Nodes.Where(node => node.Is("Cast") && node.GetInt("to", 0) == (long)_target.Type).ToArray())
            {
                var (input, output) = (node.Input(0)!, node.Output(0)!);
                if (_types.GetValueOrDefault(input, plan.TypeOf(input)) == _target.Type && !output.IsGraphOutput)
                {
                    output.ReplaceAllUses(input);
                    graph.Remove(node);
                }
            }
        }
    }

    /// <summary>Who takes a value, and in which type.</summary>
    private sealed class Demand(IEnumerable<(Use Use, DataType? Wanted)> uses)
    {
        private readonly List<(Use Use, DataType? Wanted)> _uses = [.. uses];

        public List<(Graph Graph, int Index, DataType Wanted)> Outputs { get; } = [];

        public bool Wants(DataType type) => _uses.Exists(use => use.Wanted == type) || Outputs.Exists(output => output.Wanted == type);

        public void Replace(DataType type, Value replacement)
        {
            foreach (var (use, _) in _uses.Where(use => use.Wanted == type))
            {
                use.Node.SetInput(use.Index, replacement);
            }

            foreach (var (graph, index, _) in Outputs.Where(output => output.Wanted == type))
            {
                graph.Outputs[index] = replacement;
            }
        }
    }
}
