using CompressTool.Diffusion.Import.Weights;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>
/// A place in the tree of a model's layers, such as <c>down_blocks.0.resnets.1</c>. The layers are methods on it: they take their
/// parameters from below this place, under the names of the state dict, and name their nodes after it.
/// </summary>
internal sealed class Module
{
    private readonly IWeightSource _weights;
    private readonly Dictionary<string, Expr> _parameters;

    /// <summary>The root of a model.</summary>
    /// <param name="builder">The graph that grows.</param>
    /// <param name="weights">Where the parameters come from.</param>
    public Module(GraphBuilder builder, IWeightSource weights)
        : this(builder, weights, [], "")
    {
    }

    private Module(GraphBuilder builder, IWeightSource weights, Dictionary<string, Expr> parameters, string path) =>
        (Builder, _weights, _parameters, Path) = (builder, weights, parameters, path);

    /// <summary>The graph that grows.</summary>
    public GraphBuilder Builder { get; }

    /// <summary>The place: names with dots between them; empty for the root.</summary>
    public string Path { get; }

    /// <summary>A place below this one.</summary>
    public Module this[string name] => new(Builder, _weights, _parameters, Name(name));

    /// <summary>A numbered place below this one.</summary>
    public Module this[int index] => this[index.ToString(System.Globalization.CultureInfo.InvariantCulture)];

    /// <summary>Whether the checkpoint has a parameter here.</summary>
    public bool Has(string name) => _weights.Has(Name(name));

    /// <summary>A parameter of this place; an initializer of the graph under its full name. Asked for again it is the same.</summary>
    /// <param name="name">Its name below this place, e.g. <c>weight</c>.</param>
    /// <param name="initialization">How it is made when there is no checkpoint.</param>
    /// <param name="dims">Its shape.</param>
    public Expr Parameter(string name, Initialization initialization, params IReadOnlyList<long> dims)
    {
        var full = Name(name);
        if (!_parameters.TryGetValue(full, out var parameter))
        {
            var value = new Value(full, new TensorType(DataType.Float, Shape.Of(dims))) { Initializer = _weights.Get(full, dims, initialization) };
            _parameters[full] = parameter = Builder.Initializer(Builder.Graph.AddInitializer(value));
        }

        return parameter;
    }

    /// <summary>Names nodes after this place until disposed.</summary>
    public Scope Enter() => new(this);

    private string Name(string name) => Path.Length == 0 ? name : $"{Path}.{name}";

    /// <summary>The time in which nodes are named after a place.</summary>
    public readonly ref struct Scope
    {
        private readonly GraphBuilder _builder;
        private readonly string _before;

        internal Scope(Module module)
        {
            (_builder, _before) = (module.Builder, module.Builder.Scope);
            _builder.Scope = module.Path.Length == 0 ? "" : module.Path + "/";
        }

        /// <summary>Goes back to the place before.</summary>
        public void Dispose() => _builder.Scope = _before;
    }
}
