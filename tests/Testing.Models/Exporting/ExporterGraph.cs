using System.Globalization;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>
/// A model that grows as PyTorch's exporter (torch.onnx.export, in evaluation, with constant folding) writes it: nodes are named after
/// the modules that run them, parameters as in the state dict, tensors that folding made <c>onnx::MatMul_123</c>. Each node is
/// shape-checked when it is added; the finished model has no types of values inside, as the exporter leaves them out.
/// </summary>
public sealed class ExporterGraph
{
    private readonly IncrementalInference _inference;
    private readonly Dictionary<string, int> _names = [];
    private readonly OrderedDictionary<string, Value> _parameters = [];
    private readonly OrderedDictionary<(string Operator, string Name), Value> _folded = [];
    private int _values;

    /// <summary>Begins a model.</summary>
    /// <param name="isDynamic">Whether the batch (and the length of sequences) is left open: sizes are read from shapes in the graph then, all
    /// of a tensor where the code asks for one.</param>
    /// <param name="opset">Version of the operators; before 17 layer normalisation is decomposed.</param>
    public ExporterGraph(bool isDynamic = false, int opset = 17)
    {
        IsDynamic = isDynamic;
        Model = new Model { IrVersion = 8, ProducerName = "pytorch", ProducerVersion = "2.1.0" };
        Model.OpsetImports[""] = opset;
        Model.Graph.Name = "main_graph";
        _inference = new IncrementalInference(Model);
        Root = new Module(this, "", "", "");
    }

    /// <summary>The model that grows.</summary>
    public Model Model { get; }

    /// <summary>The outermost module.</summary>
    public Module Root { get; }

    /// <summary>Whether the batch is left open.</summary>
    public bool IsDynamic { get; }

    /// <summary>Size of the batch of inputs: open, or 1.</summary>
    public Dim Batch => IsDynamic ? new Dim("batch") : 1;

    /// <summary>A new input of the model.</summary>
    public Value Input(string name, DataType type, params IReadOnlyList<Dim> dims)
    {
        var value = new Value(name, new TensorType(type, new Shape(dims)));
        Model.Graph.AddInput(value);
        _inference.Add(value);
        return value;
    }

    /// <summary>Ends the model.</summary>
    /// <param name="foldBatchNorm">Whether batch normalisation goes into the convolution before, as the exporter does in evaluation.</param>
    /// <param name="outputs">Names and values of its outputs.</param>
    public Model Finish(bool foldBatchNorm, params IReadOnlyList<(string Name, Value Value)> outputs)
    {
        foreach (var (name, value) in outputs)
        {
            value.Name = name;
            Model.Graph.Outputs.Add(value);
        }

        if (foldBatchNorm)
        {
            BatchNormFolding.Run(this);
        }

        foreach (var output in Model.Graph.Nodes.SelectMany(node => node.Outputs).OfType<Value>().Where(output => !output.IsGraphOutput))
        {
            output.Type = null;
        }

        foreach (var ((user, _), value) in _folded)
        {
            value.Name = Anonymous(user);
            Model.Graph.AddInitializer(value);
        }

        return Model;
    }

    /// <summary>Ends the model.</summary>
    public Model Finish(params IReadOnlyList<(string Name, Value Value)> outputs) => Finish(true, outputs);

    /// <summary>The initializer of a parameter; asked for again it is the same.</summary>
    internal Value Parameter(string name, Func<Tensor> make)
    {
        if (!_parameters.TryGetValue(name, out var value))
        {
            var tensor = make();
            _parameters[name] = value = Model.Graph.AddInitializer(new Value(name, new TensorType(tensor.Type, Shape.Of(tensor.Dims))) { Initializer = tensor });
            _inference.Add(value);
        }

        return value;
    }

    /// <summary>The initializer that folding makes from a parameter for an operator.</summary>
    internal Value Folded(string user, string name, Func<Tensor> make)
    {
        if (!_folded.TryGetValue((user, name), out var value))
        {
            var tensor = make();
            _folded[(user, name)] = value = new Value($"folded::{name}", new TensorType(tensor.Type, Shape.Of(tensor.Dims))) { Initializer = tensor };
            _inference.Add(value);
        }

        return value;
    }

    /// <summary>Appends a node.</summary>
    internal Value[] Add(string scope, string opType, IEnumerable<Value?> inputs, int outputs, IEnumerable<Attribute> attributes)
    {
        var name = Numbered($"{scope}/{opType}");
        return Add(new Node(opType, inputs, Enumerable.Range(0, outputs).Select(index => new Value($"{name}_output_{index}")), name, "", attributes));
    }

    /// <summary>Appends a node of ONNX Runtime's operators, named as its optimizer names those that it has fused.</summary>
    /// <param name="opType">The operator.</param>
    /// <param name="prefix">What its name begins with.</param>
    /// <param name="inputs">Inputs.</param>
    /// <param name="outputs">Which outputs it has.</param>
    /// <param name="attributes">Attributes.</param>
    internal Value[] Fuse(string opType, string prefix, IEnumerable<Value?> inputs, IReadOnlyList<int> outputs, IEnumerable<Attribute> attributes)
    {
        Model.OpsetImports["com.microsoft"] = 1;
        var number = _names.GetValueOrDefault(prefix);
        _names[prefix] = number + 1;
        var name = $"{prefix}_{number.ToString(CultureInfo.InvariantCulture)}";
        return Add(new Node(opType, inputs, Enumerable.Range(0, outputs[^1] + 1).Select(index => outputs.Contains(index) ? new Value($"{name}_output_{index}") : null), name, "com.microsoft", attributes));
    }

    /// <summary>A Constant node that no module asked for, as the exporter makes them for the axes of Unsqueeze.</summary>
    internal Value Constant(string user, Tensor tensor) =>
        Add(new Node("Constant", [], [new Value(Anonymous(user))], $"Constant_{_values.ToString(CultureInfo.InvariantCulture)}", "", Attribute.Tensor("value", tensor)))[0];

    private Value[] Add(Node node)
    {
        Model.Graph.Add(node);
        _inference.Add(node);
        _values += node.Outputs.Count;
        return [.. node.Outputs.OfType<Value>()];
    }

    private string Anonymous(string user) => $"onnx::{user}_{(++_values).ToString(CultureInfo.InvariantCulture)}";

    private string Numbered(string name)
    {
        var number = _names.GetValueOrDefault(name);
        _names[name] = number + 1;
        return number == 0 ? name : $"{name}_{number.ToString(CultureInfo.InvariantCulture)}";
    }
}
