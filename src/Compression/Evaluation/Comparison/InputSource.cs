using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Evaluation;

/// <summary>Gives the inputs that models are compared on: files, or random numbers that depend on nothing but the seed.</summary>
internal abstract class InputSource
{
    /// <summary>How many sets of inputs there are.</summary>
    public abstract int Samples { get; }

    /// <summary>Inputs read from files, one set.</summary>
    /// <param name="files">The .npy or .safetensors file of each input, by input name.</param>
    /// <param name="graph">The original model's graph.</param>
    /// <exception cref="CompressToolException">An input has no file, or a file no input.</exception>
    public static InputSource FromFiles(IReadOnlyDictionary<string, string> files, Graph graph) => new Given(files, graph);

    /// <summary>Random inputs.</summary>
    /// <param name="model">The original model.</param>
    /// <param name="options">How many and how large.</param>
    /// <param name="seed">What they depend on.</param>
    /// <exception cref="CompressToolException">An option does not fit the model.</exception>
    public static InputSource Random(Model model, InputOptions options, long seed) => new Drawn(model, options, seed);

    /// <summary>A set of inputs in the element types that a function takes.</summary>
    /// <param name="sample">Which set.</param>
    /// <param name="function">Original or compressed model.</param>
    /// <exception cref="CompressToolException">The function has an input that the original has not.</exception>
    public IReadOnlyDictionary<string, NdArray> Feeds(int sample, ICompiledFunction function) => Feeds(sample, function.Inputs);

    /// <summary>A set of inputs in the element types that are asked for.</summary>
    /// <param name="sample">Which set.</param>
    /// <param name="inputs">The inputs.</param>
    /// <exception cref="CompressToolException">There is an input that the original has not.</exception>
    public IReadOnlyDictionary<string, NdArray> Feeds(int sample, IEnumerable<FunctionValue> inputs) =>
        inputs.ToDictionary(input => input.Name, input => NumberArrays.Cast(Create(sample, input), input.Type.ElementType));

    /// <summary>One input, in any element type.</summary>
    protected abstract NdArray Create(int sample, FunctionValue input);

    private static IEnumerable<Value> InputsOf(Graph graph) => graph.Inputs.Where(input => input.Initializer is null);

    private static CompressToolException Unknown(string name, Graph graph) => new(
        CompressionErrors.UnsuitableModel,
        $"the input '{name}' is not one of the original model{NearestName.Hint(name, [.. InputsOf(graph).Select(input => input.Name)])}");

    private sealed class Given : InputSource
    {
        private readonly Dictionary<string, NdArray> _arrays = [];
        private readonly Graph _graph;

        public Given(IReadOnlyDictionary<string, string> files, Graph graph)
        {
            _graph = graph;
            foreach (var (name, path) in files)
            {
                if (InputsOf(graph).Any(input => input.Name == name))
                {
                    _arrays.Add(name, Read(name, path));
                }
                else if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
                {
                    throw Unknown(name, graph); // A .safetensors file may hold more than the inputs, e.g. the outputs too.
                }
            }

            if (InputsOf(graph).FirstOrDefault(input => !_arrays.ContainsKey(input.Name)) is { } missing)
            {
                throw new CompressToolException(CompressionErrors.UnsuitableModel, $"the model's input '{missing.Name}' is not among the given inputs; give all of them, or none for random ones");
            }
        }

        public override int Samples => 1;

        protected override NdArray Create(int sample, FunctionValue input) => _arrays.GetValueOrDefault(input.Name) ?? throw Unknown(input.Name, _graph);

        private static NdArray Read(string name, string path)
        {
            if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            {
                return NdArray.From(NpyFile.Read(path));
            }

            using var file = SafetensorsFile.Open(path);
            return NdArray.From(file[name]);
        }
    }

    private sealed class Drawn : InputSource
    {
        /// <summary>Diffusion models count 1000 timesteps.</summary>
        private const int Timesteps = 1000;
        private readonly Graph _graph;
        private readonly InputOptions _options;
        private readonly long _seed;
        private readonly Dictionary<string, long> _lengths = [];

        public Drawn(Model model, InputOptions options, long seed)
        {
            (_graph, _options, _seed) = (model.Graph, options, seed);
            var usual = UsualDims.Of(model);
            foreach (var (axis, dim) in InputsOf(_graph).SelectMany(input => (input.Shape ?? Shape.Scalar).Index()).Where(item => item.Item.Symbol is not null))
            {
                // A symbol means the same length everywhere: the batch where it is a first dimension anywhere.
                _lengths[dim.Symbol!] = axis == 0 ? options.Batch : _lengths.GetValueOrDefault(dim.Symbol!, usual.GetValueOrDefault(dim.Symbol!, 1));
            }

            foreach (var (symbol, length) in options.Dims)
            {
                if (!_lengths.ContainsKey(symbol))
                {
                    throw new CompressToolException(CompressionErrors.UnsuitableModel, $"no input of the model has a dimension '{symbol}'{NearestName.Hint(symbol, _lengths.Keys)}") { OptionPath = $"dims.{symbol}" };
                }

                _lengths[symbol] = length;
            }
        }

        public override int Samples => _options.Samples;

        protected override NdArray Create(int sample, FunctionValue input)
        {
            var value = InputsOf(_graph).FirstOrDefault(other => other.Name == input.Name) ?? throw Unknown(input.Name, _graph);
            var dims = (value.Shape ?? throw new CompressToolException(CompressionErrors.UnsuitableModel, $"the model's input '{input.Name}' has no shape; give inputs as files (data.inputs)"))
                .Select((dim, axis) => dim.Value ?? (dim.Symbol is { } symbol ? _lengths[symbol] : axis == 0 ? _options.Batch : 1)).ToArray();
            var random = new CounterRandom((ulong)_seed).For(input.Name).For(sample);
            var draw = Draw(value, random);
            var elements = new double[dims.Aggregate(1L, (count, dim) => checked(count * dim))];
            for (var index = 0; index < elements.Length; index++)
            {
                elements[index] = draw(index);
            }

            // A float input means the same numbers for a model that takes them as float16.
            return NumberArrays.FromDoubles(value.ElementType, dims, elements);
        }

        private static Func<long, double> Draw(Value input, CounterRandom random)
        {
            if (!input.ElementType.IsFloat())
            {
                if (input.Name.Contains("mask", StringComparison.OrdinalIgnoreCase))
                {
                    return _ => 1; // Everything takes part.
                }

                if (input.ElementType == DataType.Bool)
                {
                    return index => random.Below(index, 2);
                }

                var bound = Math.Min(TableRows(input) ?? Timesteps, input.ElementType == DataType.Int8 ? 128 : long.MaxValue);
                return index => random.Below(index, bound);
            }

            // Some exporters make the timestep a float; noise of variance 1 would be the first steps only.
            return input.Name.Contains("timestep", StringComparison.OrdinalIgnoreCase) ? index => random.Below(index, Timesteps) : random.Normal;
        }

        /// <summary>Rows of the smallest table that a value's elements index; null when they index none.</summary>
        private static long? TableRows(Value value)
        {
            long? rows = null;
            foreach (var (node, index) in value.Uses)
            {
                if (node.Is("Gather") && index == 1 && Table(node.Input(0)) is { Dims.Count: > 0 } table)
                {
                    var axis = (int)node.GetInt("axis", 0);
                    rows = Min(rows, table.Dims[axis < 0 ? axis + table.Dims.Count : axis]);
                }
                else if (index == 0 && node is { Domain: "", OpType: "Identity" or "Cast" or "Reshape" or "Squeeze" or "Unsqueeze" or "Flatten" or "Transpose" or "Expand" } && node.Output(0) is { } output)
                {
                    rows = Min(rows, TableRows(output));
                }
            }

            return rows;
        }

        private static Tensor? Table(Value? value) =>
            value?.SourceThrough(node => node is { Domain: "", OpType: "Identity" or "Cast" or "DequantizeLinear" }) is { } table ? Layers.ConstantOf(table) : null;

        private static long? Min(long? left, long? right) => left is null ? right : right is null ? left : Math.Min(left.Value, right.Value);
    }
}
