using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.CustomOperators;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Expressions;

/// <summary>
/// Appends operations to the graph of a model. Each node is shape-checked when it is added, so a mistake in a formula shows
/// at the line that makes it.
/// </summary>
public sealed class GraphBuilder
{
    /// <summary>The domain of ONNX Runtime's own operators.</summary>
    internal const string Microsoft = "com.microsoft";

    private readonly IncrementalInference _inference;
    private readonly Dictionary<(DataType Type, double Number), Value> _scalars = [];

    /// <summary>Begins to build on a model; infers its shapes.</summary>
    /// <param name="model">The model; its main graph grows.</param>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">Its shapes or types contradict each other (CMP2006).</exception>
    public GraphBuilder(Model model)
    {
        Model = model;
        _inference = new IncrementalInference(model);
    }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>The graph that grows.</summary>
    public Graph Graph => Model.Graph;

    /// <summary>What the names of new nodes and values begin with, e.g. the path of a layer and a slash; empty by default.</summary>
    public string Scope { get; set; } = "";

    /// <summary>Whether gradients may use the operators of CompressTool.Training.Kernels, which the engine must know then.</summary>
    internal bool UseKernels { get; set; }

    /// <summary>The node that new ones come before; null (the default) to add them at the end.</summary>
    public Node? Position { get; set; }

    /// <summary>An expression for a value of the graph.</summary>
    public Expr Of(Value value) => new(this, value);

    /// <summary>The value of a name as an expression.</summary>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">There is none (CMP7003).</exception>
    public Expr Of(string name) => Of(Graph.FindValue(name) ?? throw Errors.NoValue(Graph, name));

    /// <summary>A new input of the graph.</summary>
    /// <param name="name">Its name; made unique.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="dims">Its dimensions; none for a scalar.</param>
    public Expr Input(string name, DataType type, params IEnumerable<long> dims) => Input(name, type, Shape.Of(dims));

    /// <summary>A new input of the graph whose dimensions may be symbols.</summary>
    /// <param name="name">Its name; made unique.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="shape">Its shape.</param>
    public Expr Input(string name, DataType type, Shape shape)
    {
        var value = new Value(Graph.UniqueName(name), new TensorType(type, shape));
        Graph.AddInput(value);
        _inference.Add(value);
        return Of(value);
    }

    /// <summary>An initializer that has just been added to the graph.</summary>
    public Expr Initializer(Value value)
    {
        _inference.Add(value);
        return Of(value);
    }

    /// <summary>A constant.</summary>
    public Expr Constant(Tensor tensor) => Node("Constant", [], Attribute.Tensor("value", tensor));

    /// <summary>A scalar constant.</summary>
    /// <param name="number">Its value, rounded to the type.</param>
    /// <param name="type">A floating-point type or int64.</param>
    public Expr Scalar(double number, DataType type = DataType.Float)
    {
        if (!_scalars.TryGetValue((type, number), out var value))
        {
            _scalars[(type, number)] = value = Constant(Numbers.Scalar(type, number)).Value;
        }

        return Of(value);
    }

    /// <summary>Numbers as an int64 vector: shapes, axes.</summary>
    public Expr Int64s(params ReadOnlySpan<long> numbers) => Constant(Tensor.Int64s(numbers));

    /// <summary>An array filled with one number.</summary>
    public Expr Full(double number, DataType type, params IReadOnlyList<long> dims) =>
        dims.Count == 0 ? Scalar(number, type)
        : Node("ConstantOfShape", [Int64s([.. dims])], Attribute.Tensor("value", Numbers.Fill(type, number, 1)));

    /// <summary>Arrays joined along an axis.</summary>
    public Expr Concat(int axis, params IReadOnlyList<Expr> parts) => parts.Count == 1 ? parts[0] : Node("Concat", parts, Attribute.Int("axis", axis));

    /// <summary>Adds an operation of the standard domain with one output.</summary>
    /// <param name="opType">The operator.</param>
    /// <param name="inputs">Inputs; null where an optional one is left out.</param>
    /// <param name="attributes">Attributes.</param>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The inputs do not go together (CMP2006).</exception>
    public Expr Node(string opType, IEnumerable<Expr?> inputs, params IEnumerable<Attribute> attributes) => Nodes(opType, "", 1, inputs, attributes)[0];

    /// <summary>Adds an operation with several outputs or of another domain.</summary>
    /// <param name="opType">The operator.</param>
    /// <param name="domain">Its domain, imported if it is not yet.</param>
    /// <param name="outputCount">How many outputs.</param>
    /// <param name="inputs">Inputs; null where an optional one is left out.</param>
    /// <param name="attributes">Attributes.</param>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The inputs do not go together (CMP2006).</exception>
    public Expr[] Nodes(string opType, string domain, int outputCount, IEnumerable<Expr?> inputs, params IEnumerable<Attribute> attributes)
    {
        var outputs = Add(opType, domain, outputCount, inputs, attributes);
        _inference.Add(outputs[0].Producer!);
        return Array.ConvertAll(outputs, Of);
    }

    /// <summary>Adds an operation of our own, about whose shapes inference knows nothing.</summary>
    /// <param name="opType">The operator, of the domain <see cref="CustomOperator.Domain"/>.</param>
    /// <param name="outputs">Types of its outputs.</param>
    /// <param name="inputs">Inputs.</param>
    /// <param name="attributes">Attributes.</param>
    internal Expr[] Kernel(string opType, IReadOnlyList<OnnxType?> outputs, IEnumerable<Expr?> inputs, params IEnumerable<Attribute> attributes)
    {
        var values = Add(opType, CustomOperator.Domain, outputs.Count, inputs, attributes);
        foreach (var (value, type) in values.Zip(outputs))
        {
            value.Type = type;
            _inference.Add(value);
        }

        return Array.ConvertAll(values, Of);
    }

    /// <summary>Adds a node like another, with other inputs of the same types.</summary>
    internal Expr[] Copy(Node node, IEnumerable<Expr?> inputs) =>
        node.Domain == CustomOperator.Domain ? Kernel(node.OpType, [.. node.Outputs.Select(output => output?.Type)], inputs, node.Attributes)
        : Nodes(node.OpType, node.Domain, node.Outputs.Count, inputs, node.Attributes);

    /// <summary>Makes an expression an output of the graph.</summary>
    /// <param name="name">The output's name; made unique.</param>
    /// <param name="value">What it is.</param>
    /// <returns>The output.</returns>
    public Expr AddOutput(string name, Expr value)
    {
        // A value of its own, as one may be wanted twice, or be an input.
        var output = Node("Identity", [value]);
        output.Value.Name = Graph.UniqueName(name);
        Graph.Outputs.Add(output.Value);
        return output;
    }

    /// <summary>An output of a node; added to the node when it leaves that out.</summary>
    internal Expr OutputOf(Node node, int index)
    {
        if (node.Output(index) is { } present)
        {
            return Of(present);
        }

        while (node.Outputs.Count < index)
        {
            node.AddOutput(null);
        }

        var value = new Value(Graph.UniqueName($"{node.OpType}_{index}"));
        if (node.Outputs.Count > index)
        {
            node.SetOutput(index, value);
        }
        else
        {
            node.AddOutput(value);
        }

        _inference.Add(node);
        return Of(value);
    }

    /// <summary>The content of a value when it is constant, or follows from shapes; null otherwise.</summary>
    internal Tensor? ConstantOf(Value value) => value.ConstantTensor ?? _inference.Result.ConstantOf(value);

    private Value[] Add(string opType, string domain, int outputCount, IEnumerable<Expr?> inputs, IEnumerable<Attribute> attributes)
    {
        Model.OpsetImports.TryAdd(domain, 1);
        var outputs = new Value[outputCount];
        for (var index = 0; index < outputCount; index++)
        {
            outputs[index] = new Value(Graph.UniqueName(Scope + opType));
        }

        var node = new Node(opType, inputs.Select(input => input?.Value), outputs, outputs[0].Name, domain, attributes);
        if (Position is { } position)
        {
            Graph.InsertBefore(position, node);
        }
        else
        {
            Graph.Add(node);
        }

        return outputs;
    }
}
