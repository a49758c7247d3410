using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;

namespace CompressTool.Compression.Pruning.Dependencies;

/// <summary>
/// Walks a graph once, in order, and finds the layout of every value: the operators' rules pass slots on and couple those that meet.
/// Dimensions that the model leaves open have a usual length meanwhile; nothing can go in them anyway.
/// </summary>
internal sealed class DependencyWalk
{
    private readonly Dictionary<Value, Layout> _layouts = [];
    private readonly Dictionary<Value, int[]?> _dims = [];
    private readonly Dictionary<int[], (SlotRole Role, Node Node)> _roles = [];
    private readonly List<Value> _constants = [];
    private readonly InferenceResult _shapes;

    private DependencyWalk(Model model)
    {
        Opset = model.Opset;
        Model = model;
        _shapes = ProbeSizes.Infer(model);
    }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>Version of the standard operators.</summary>
    public long Opset { get; }

    /// <summary>What is coupled.</summary>
    public Coupling Coupling { get; } = new();

    /// <summary>The constants that have slots, in the order in which nodes take them.</summary>
    public IReadOnlyList<Value> Constants => _constants;

    /// <summary>Walks a model.</summary>
    /// <param name="model">The model; constants should be folded.</param>
    /// <param name="cancellationToken">Cancels the walk.</param>
    public static DependencyWalk Run(Model model, CancellationToken cancellationToken)
    {
        var walk = new DependencyWalk(model);
        foreach (var node in model.Graph.Nodes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            walk.Visit(node);
        }

        foreach (var output in model.Graph.Outputs)
        {
            if (walk.KnownLayout(output) is { } layout)
            {
                walk.Coupling.FreezeAll(layout, $"it reaches the output '{output.Name}' of the model");
            }
        }

        return walk;
    }

    /// <summary>The layout of a value; null when no rule has looked at it.</summary>
    public Layout? KnownLayout(Value value) => _layouts.GetValueOrDefault(value);

    /// <summary>The layout of a value. Constants get one of new slots; whatever else is not known yet stays as it is.</summary>
    public Layout LayoutOf(Value value)
    {
        if (_layouts.TryGetValue(value, out var layout))
        {
            return layout;
        }

        var dims = DimsOf(value) ?? throw new CompressToolException(CompressionErrors.UnsuitableModel, $"the shape of '{value.Name}' is not known");
        if (Layers.ConstantOf(value) is not null && !value.IsGraphInput)
        {
            layout = new Layout([.. dims.Select(Coupling.NewAxis)]);
            _constants.Add(value);
        }
        else
        {
            layout = Layout.Fixed(dims);
        }

        return _layouts[value] = layout;
    }

    /// <summary>Sets the layout of a computed value.</summary>
    /// <exception cref="InvalidOperationException">It does not have the value's dimensions: a rule is wrong.</exception>
    public void SetLayout(Value value, Layout layout)
    {
        if (DimsOf(value) is { } dims && (dims.Length != layout.Rank || dims.Index().Any(pair => Layout.LengthOf(layout.Axes[pair.Index]) != pair.Item)))
        {
            throw new InvalidOperationException(
                $"The rule of {value.Producer?.OpType} gives '{value.Name}' [{string.Join(',', layout.Axes.Select(Layout.LengthOf))}], and it is [{string.Join(',', dims)}].");
        }

        _layouts[value] = layout;
    }

    /// <summary>Dimensions of a value at the probe sizes; null when they are not known.</summary>
    public int[]? DimsOf(Value value)
    {
        if (!_dims.TryGetValue(value, out var dims))
        {
            var shape = Layers.ConstantOf(value) is { } tensor ? Shape.Of(tensor.Dims) : _shapes.TypeOf(value)?.Shape;
            dims = shape is not null && shape.All(dim => dim.Value is >= 0 and <= int.MaxValue) ? [.. shape.Select(dim => (int)dim.Value!)] : null;
            _dims.Add(value, dims);
        }

        return dims;
    }

    /// <summary>The content of a value when it is constant, or follows from shapes; null otherwise.</summary>
    public Tensor? ConstantOf(Value value) => _shapes.ConstantOf(value);

    /// <summary>What the slots of an axis are to the node that takes them, for axes that are a constant's own.</summary>
    public SlotRole RoleOf(int[] slots, out Node? node)
    {
        var found = _roles.TryGetValue(slots, out var entry);
        node = entry.Node;
        return found ? entry.Role : SlotRole.None;
    }

    /// <summary>Notes what the slots of an axis are to a node.</summary>
    public void Mark(Factor[] axis, SlotRole role, Node node)
    {
        if (axis.Length > 0 && Layout.SlotsOf(axis) is { } slots)
        {
            _roles.TryAdd(slots, (role, node));
        }
    }

    private void Visit(Node node)
    {
        if (node.Is("Constant"))
        {
            return;
        }

        var context = new NodeContext(this, node);
        if (node.Subgraphs.Any())
        {
            // What bodies take from outside is an input of the node in all but name.
            foreach (var value in node.Subgraphs.SelectMany(graph => graph.AllNodes()).SelectMany(inner => inner.Inputs).OfType<Value>())
            {
                Coupling.FreezeAll(KnownLayout(value) ?? Layout.Fixed([]), $"{context.Where} has a body that takes '{value.Name}'");
            }

            context.GiveUp("has bodies, which are not looked into");
            return;
        }

        if (node.Outputs.Any(output => output is not null && DimsOf(output) is null) || node.Inputs.Any(input => input is not null && DimsOf(input) is null))
        {
            context.GiveUp("has a shape that cannot be inferred");
            return;
        }

        if (node.Inputs.Concat(node.Outputs).Any(value => value is not null && DimsOf(value)!.Contains(0)))
        {
            context.GiveUp("has an empty dimension");
            return;
        }

        if (CouplingRules.Find(node) is { } rule)
        {
            rule(context);
        }
        else
        {
            context.GiveUp("is an operator that is not known here");
        }
    }
}
