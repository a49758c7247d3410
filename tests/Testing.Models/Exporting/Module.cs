using System.Globalization;
using CompressTool.Onnx;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Testing.Models;

/// <summary>
/// A module of a PyTorch model, such as <c>layer1.0.conv1</c>. Layers and operators are methods on it: they take parameters under the
/// names of the state dict and name nodes after the modules that run, as in <c>/layer1/layer1.0/conv1/Conv</c>.
/// </summary>
public sealed class Module
{
    private readonly string _path;
    private readonly string _scope;
    private readonly string _name;

    internal Module(ExporterGraph graph, string path, string scope, string name)
    {
        Graph = graph;
        _path = path;
        _scope = scope;
        _name = name;
    }

    /// <summary>The graph that grows.</summary>
    public ExporterGraph Graph { get; }

    /// <summary>A module inside.</summary>
    public Module this[string name] => new(Graph, FullName(name), $"{_scope}/{name}", name);

    /// <summary>A module of a Sequential, which runs them and so stands in the names of the nodes.</summary>
    public Module this[int index] => this[_name, index, _path, _scope];

    /// <summary>A module of a ModuleList, which does not run itself.</summary>
    public Module this[string list, int index] => this[list, index, FullName(list), _scope];

    private Module this[string list, int index, string path, string scope]
    {
        get
        {
            var number = index.ToString(CultureInfo.InvariantCulture);
            return new Module(Graph, $"{path}.{number}", $"{scope}/{list}.{number}", $"{list}.{number}");
        }
    }

    /// <summary>A parameter of normally distributed numbers.</summary>
    public Value Parameter(string name, double mean, double deviation, params long[] dims)
    {
        var full = FullName(name);
        return Graph.Parameter(full, () => RandomTensors.Normal(full, mean, deviation, dims));
    }

    /// <summary>A parameter or buffer of other numbers.</summary>
    public Value Parameter(string name, Func<string, Tensor> make)
    {
        var full = FullName(name);
        return Graph.Parameter(full, () => make(full));
    }

    /// <summary>What constant folding makes of a parameter that only one operator takes, such as the transposed weights of MatMul.</summary>
    public Value Folded(string user, string name, Func<string, Tensor> make)
    {
        var full = FullName(name);
        return Graph.Folded(user, full, () => make(full));
    }

    /// <summary>A constant, in a node.</summary>
    public Value Constant(Tensor tensor) => Node("Constant", [], Attribute.Tensor("value", tensor));

    /// <summary>A number, in a node.</summary>
    public Value Constant(double number) => Constant(Tensor.Float((float)number));

    /// <summary>Appends a node with one output.</summary>
    public Value Node(string opType, IEnumerable<Value?> inputs, params IEnumerable<Attribute> attributes) => Nodes(opType, 1, inputs, attributes)[0];

    /// <summary>Appends a node with several outputs.</summary>
    public Value[] Nodes(string opType, int outputs, IEnumerable<Value?> inputs, params IEnumerable<Attribute> attributes) =>
        Graph.Add(_scope, opType, inputs, outputs, attributes);

    /// <summary>A name of the state dict.</summary>
    public string FullName(string name) => _path.Length == 0 ? name : $"{_path}.{name}";
}
