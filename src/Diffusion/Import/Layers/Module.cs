using CompressTool.Diffusion.Import.Weights;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>
/// A place in the tree of a model's layers, such as <c>down_blocks.0.resnets.1</c>. The layers are methods on it: they take their
/// parameters from below this place, under the names of the state dict, and name their nodes after it.
/// </summary>
/// <param name="context">What all places share.</param>
/// <param name="path">Names with dots between them; empty for the root.</param>
internal sealed class Module(ModuleContext context, string path = "")
{
    private static readonly KeyValuePair<string, string>[] s_fixed = [new(Tensor.TrainableKey, "false")];

    /// <summary>What all places share.</summary>
    public ModuleContext Context { get; } = context;

    /// <summary>The graph that grows.</summary>
    public GraphBuilder Builder => Context.Builder;

    /// <summary>The place: names with dots between them; empty for the root.</summary>
    public string Path { get; } = path;

    /// <summary>A place below this one.</summary>
    public Module this[string name] => new(Context, Name(name));

    /// <summary>A numbered place below this one.</summary>
    public Module this[int index] => this[index.ToString(System.Globalization.CultureInfo.InvariantCulture)];

    /// <summary>A parameter of this place; an initializer of the graph under its full name. Asked for again it is the same.</summary>
    /// <param name="name">Its name below this place, e.g. <c>weight</c>.</param>
    /// <param name="initialization">How it is made when there is no checkpoint.</param>
    /// <param name="dims">Its shape.</param>
    public Expr Parameter(string name, Initialization initialization, params IReadOnlyList<long> dims) => Add(name, initialization, dims, isTrained: true);

    /// <summary>Numbers of this place that are kept in checkpoints, but not trained.</summary>
    /// <inheritdoc cref="Parameter"/>
    public Expr Buffer(string name, Initialization initialization, params IReadOnlyList<long> dims) => Add(name, initialization, dims, isTrained: false);

    /// <summary>A small parameter of this place that the graph does not need. It stays with the model, so that a checkpoint can be written again.</summary>
    /// <inheritdoc cref="Parameter"/>
    public void Keep(string name, Initialization initialization, params IReadOnlyList<long> dims) =>
        Context.Kept[Name(name)] = Context.Weights.Get(Name(name), dims, initialization);

    /// <summary>Names nodes after this place until disposed.</summary>
    public Scope Enter() => new(this);

    private Expr Add(string name, Initialization initialization, IReadOnlyList<long> dims, bool isTrained)
    {
        var full = Name(name);
        if (!Context.Parameters.TryGetValue(full, out var parameter))
        {
            var tensor = Context.Weights.Get(full, dims, initialization);
            tensor = isTrained ? tensor : new Tensor(tensor.Type, tensor.Dims, tensor.Data) { Metadata = s_fixed };
            var value = new Value(full, new TensorType(DataType.Float, Shape.Of(dims))) { Initializer = tensor };
            Context.Parameters[full] = parameter = Builder.Initializer(Builder.Graph.AddInitializer(value));
        }

        return parameter;
    }

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
