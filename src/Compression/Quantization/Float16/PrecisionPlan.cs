using CompressTool.Onnx;
using CompressTool.Onnx.Inference;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>Decides which nodes stay in float32.</summary>
internal sealed class PrecisionPlan
{
    private readonly Dictionary<Node, KeepReason> _kept = [];
    private readonly Dictionary<Value, bool> _angles = [];
    private readonly InferenceResult _types;
    private readonly IReadOnlySet<Node>? _measured;
    private readonly long _opset;

    /// <summary>Plans for a model.</summary>
    /// <param name="model">The model, unchanged so far.</param>
    /// <param name="types">The types of its values.</param>
    /// <param name="selected">The nodes that the recipe gives to the stage.</param>
    /// <param name="target">The type of everything else.</param>
    /// <param name="measured">Nodes that stay in float32 by measurement; null for none.</param>
    public PrecisionPlan(Model model, InferenceResult types, HashSet<Node> selected, ShortFloat target, IReadOnlySet<Node>? measured = null)
    {
        Target = target;
        _measured = measured;
        _types = types;
        _opset = model.Opset;
        foreach (var graph in model.Graph.AllGraphs())
        {
            foreach (var node in graph.Nodes)
            {
                if (FindReason(node, graph, selected) is { } reason)
                {
                    _kept.Add(node, reason);
                }
            }
        }

        KeepQuantizedPatterns(model.Graph);
        KeepAngles(model.Graph);
    }

    /// <summary>The type of everything that does not stay in float32.</summary>
    public ShortFloat Target { get; }

    /// <summary>The nodes that stay in float32, each with the reason.</summary>
    public IReadOnlyDictionary<Node, KeepReason> Kept => _kept;

    /// <summary>True when the value is a float32 tensor in the model as it was.</summary>
    public bool IsFloat(Value value) => TypeOf(value) == DataType.Float;

    /// <summary>The type a node wants for one of its float32 inputs; null when any will do.</summary>
    public DataType? Wanted(Use use) => Float16Rules.TakesAnyType(use.Node, use.Index) ? null
        : _kept.ContainsKey(use.Node) || Float16Rules.IsFloatInput(use.Node, use.Index, _opset) ? DataType.Float
        : Target.Type;

    /// <summary>The type in which a node computes what was a float32 output.</summary>
    public DataType Computed(Value output) =>
        _kept.ContainsKey(output.Producer!) || Float16Rules.IsFloatOutput(output.Producer!, output.ProducerIndex) ? DataType.Float : Target.Type;

    /// <summary>True when a constant is stored in bfloat16 though some of its users compute in float32: they have no other reason than a lack of kernels.</summary>
    public bool Stores(Value constant) => Target == ShortFloat.BFloat16 && StoredWeights.IsMatrix(constant.Initializer ?? constant.ConstantTensor)
        && constant.Uses.All(use => !_kept.TryGetValue(use.Node, out var reason) || reason == KeepReason.NoKernel);

    /// <summary>The element type of a value of the model as it was; Undefined when unknown or no tensor.</summary>
    public DataType TypeOf(Value value) => value.Initializer?.Type ?? _types.TypeOf(value)?.ElementType ?? DataType.Undefined;

    private KeepReason? FindReason(Node node, Graph graph, HashSet<Node> selected)
    {
        if (graph.Owner is { } owner && _kept.TryGetValue(owner, out var outer))
        {
            return outer; // A loop or branch is in float32 as a whole.
        }

        return !selected.Contains(node) ? KeepReason.Excluded
            : Float16Rules.StaysFloat(node, _opset) ? KeepReason.Operator
            : _measured?.Contains(node) == true ? KeepReason.Measured
            : Target == ShortFloat.BFloat16 && !StoredWeights.AreMovedBy(node) ? KeepsScales(node) ? KeepReason.Operator : KeepReason.NoKernel
            : node.Inputs.Concat(node.Outputs).Any(value => value is not null && TypeOf(value) == DataType.Undefined) ? KeepReason.UnknownType
            : null;
    }

    /// <summary>True for products with blocks of integers, whose scales must be constants of the type that the product is computed in.</summary>
    private static bool KeepsScales(Node node) => node is { OpType: "MatMulNBits", Domain: OpsetVersions.Microsoft };

    /// <summary>
    /// What stands between integer operators and their scales stays as the runtime fuses it: neighbours of QuantizeLinear and
    /// DequantizeLinear, and the Cast and the multiplications behind MatMulInteger and ConvInteger, whose sums do not fit
    /// float16 anyway.
    /// </summary>
    private void KeepQuantizedPatterns(Graph main)
    {
        foreach (var node in main.AllNodes())
        {
            foreach (var neighbor in node switch
            {
                { Domain.Length: > 0 } => [],
                { OpType: "DequantizeLinear" } => Consumers(node.Output(0)),
                { OpType: "QuantizeLinear" } => node.Input(0)?.Producer is { } producer ? [producer] : [],
                { OpType: "MatMulInteger" or "ConvInteger" } => Consumers(node.Output(0)).SelectMany(cast => Consumers(cast.Output(0)).Append(cast)),
                { OpType: "DynamicQuantizeLinear" } => Consumers(node.Output(1)).Where(consumer => consumer.Is("Mul")),
                _ => Enumerable.Empty<Node>(),
            })
            {
                _kept.TryAdd(neighbor, KeepReason.QuantizedPattern);
            }
        }

        static IEnumerable<Node> Consumers(Value? value) => value?.Uses.Select(use => use.Node) ?? [];
    }

    /// <summary>
    /// Sines and cosines of what is computed from inputs and constants alone embed a timestep or a position. Their angles reach
    /// 1000, where float16 has a step of 0.5, so they stay in float32 together with what leads to them. Likewise sizes and
    /// scales that an operator takes in float32.
    /// </summary>
    private void KeepAngles(Graph main)
    {
        foreach (var node in main.AllNodes())
        {
            if (node.Is("Sin") || node.Is("Cos"))
            {
                if (node.Input(0) is { } angle && LeadsFromInputs(angle))
                {
                    _kept.TryAdd(node, KeepReason.Angle);
                    KeepPath(angle);
                }
            }
            else
            {
                foreach (var (index, input) in node.Inputs.Index())
                {
                    if (input is not null && IsFloat(input) && Float16Rules.IsFloatInput(node, index, _opset) && LeadsFromInputs(input))
                    {
                        KeepPath(input);
                    }
                }
            }
        }
    }

    /// <summary>True when cheap operators compute the value from graph inputs, constants and integers.</summary>
    private bool LeadsFromInputs(Value value)
    {
        if (_angles.TryGetValue(value, out var known))
        {
            return known;
        }

        _angles[value] = false; // Until shown otherwise; also ends a cycle.
        return _angles[value] = !IsFloat(value) || value.Initializer is not null || value.IsGraphInput
            || (value.Producer is { } producer
                && (producer.Is("Constant") || (Float16Rules.IsCheap(producer) && producer.Inputs.All(input => input is null || LeadsFromInputs(input)))));
    }

    private void KeepPath(Value value)
    {
        if (IsFloat(value) && value.Producer is { } producer && !producer.Is("Constant") && _kept.TryAdd(producer, KeepReason.Angle))
        {
            foreach (var input in producer.Inputs.OfType<Value>())
            {
                KeepPath(input);
            }
        }
    }
}

/// <summary>Why a node stays in float32.</summary>
internal enum KeepReason
{
    /// <summary>The recipe does not select it.</summary>
    Excluded,
    /// <summary>Its operator has no float16 or loses too much by it.</summary>
    Operator,
    /// <summary>ONNX Runtime's CPU provider cannot compute it in bfloat16.</summary>
    NoKernel,
    /// <summary>The type of one of its values is unknown.</summary>
    UnknownType,
    /// <summary>float16 spoils what it takes or makes, by measurement.</summary>
    Measured,
    /// <summary>It belongs to a quantized pattern.</summary>
    QuantizedPattern,
    /// <summary>It computes the angles of an embedding, or a size.</summary>
    Angle,
}
