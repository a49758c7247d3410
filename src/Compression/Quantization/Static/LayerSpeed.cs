using System.Text.Json;
using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.Engine;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>The time of a layer on this machine.</summary>
/// <param name="Float">Milliseconds in float32, with what its neighbours in integers need.</param>
/// <param name="Integer">Milliseconds in integers, with what its neighbours in floating point need.</param>
internal readonly record struct LayerTime(double Float, double Integer);

/// <summary>
/// Measures how long layers take in float32 and in integers, each alone in a small model on one thread, with the QuantizeLinear and
/// DequantizeLinear that a plan puts around it either way. Layers of the same shapes are measured once.
/// </summary>
/// <param name="model">The model, before anything is quantized.</param>
/// <param name="type">The integers of activations.</param>
/// <param name="perChannel">Whether each output channel has its own weight scale.</param>
/// <param name="cancellationToken">Ends the measurement.</param>
internal sealed class LayerSpeed(Model model, ActivationType type, bool perChannel, CancellationToken cancellationToken)
{
    private const int Runs = 15;

    /// <summary>Any scale: the time does not depend on it.</summary>
    private const float Scale = 0.02f;

    /// <summary>What changes layouts at the ends of a small model, and does not happen in the whole one where the neighbour there computes in the same numbers.</summary>
    private static readonly string[] s_layouts = ["ReorderInput", "ReorderOutput", "Transpose"];

    private readonly InferenceResult _shapes = ShapeInference.Analyze(model, new InferenceOptions { Bindings = ProbeSizes.Of(model), Refresh = true });
    private readonly Dictionary<string, LayerTime> _known = [];

    /// <summary>Measures a layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="plan">What else is computed in integers.</param>
    /// <returns>The time of all its nodes; null when the sizes of its input are not known, or its weight is computed from another constant.</returns>
    public LayerTime? Measure(Layer layer, StaticPlan plan)
    {
        var sum = new LayerTime(0, 0);
        foreach (var (node, _) in layer.Uses)
        {
            if (!layer.IsDirect || _shapes.TypeOf(node.Inputs[0]!)?.Shape?.ToArray() is not { } dims)
            {
                return null;
            }

            var around = Surroundings.Of(node, plan);
            var key = $"{node.OpType} {string.Join(',', dims)} {string.Join(',', layer.Tensor.Dims)} {around} {string.Join(' ', node.Attributes.Select(attribute => $"{attribute.Name}={(attribute.Value is IEnumerable<long> numbers ? string.Join(',', numbers) : attribute.Value)}"))}";
            if (!_known.TryGetValue(key, out var time))
            {
                _known[key] = time = new LayerTime(Time(inIntegers: false), Time(inIntegers: true));
            }

            double Time(bool inIntegers) => this.Time(Small(layer, node, dims, around, inIntegers), dims, inIntegers != around.ReadsIntegers, inIntegers ? around.IsReadAsFloats : around.IsReadAsIntegers);

            sum = new LayerTime(sum.Float + time.Float, sum.Integer + time.Integer);
        }

        return sum;
    }

    /// <summary>The layer alone, as the plan or its float32 self would stand in the model.</summary>
    private Model Small(Layer layer, Node node, long[] dims, Surroundings around, bool inIntegers)
    {
        var small = new Model { IrVersion = model.IrVersion };
        foreach (var (operators, version) in model.OpsetImports)
        {
            small.OpsetImports[operators] = version;
        }

        var graph = small.Graph;
        var input = new Value("x", new TensorType(around.ReadsIntegers ? type.Type : DataType.Float, Shape.Of(dims)));
        graph.AddInput(input);
        var (scale, zero) = (graph.AddInitializer("scale", Tensor.Float(Scale)), graph.AddInitializer("zero", type.ZeroPoint(type.Levels / 2 + type.Range.Low)));
        var x = around.ReadsIntegers ? Add("DequantizeLinear", [input, scale, zero])
            : inIntegers ? Add("DequantizeLinear", [Add("QuantizeLinear", [input, scale, zero]), scale, zero])
            : input;
        var bias = node.Input(2) is { ConstantTensor: { } given } ? given : null;
        Value weight;
        Value? biasValue;
        if (inIntegers)
        {
            var integers = new StaticLayer(layer, IntegerRange.Signed(false), perChannel);
            integers.Quantize(_ => Scale, cancellationToken);
            weight = Add("DequantizeLinear", [graph.AddInitializer("w", integers.Integers), graph.AddInitializer("w_scale", integers.Scale), graph.AddInitializer("w_zero", integers.ZeroPoint)], integers.Axis is { } axis ? [Attribute.Int("axis", axis)] : []);
            biasValue = bias is null ? null : IntegerBias(bias, integers);
        }
        else
        {
            weight = graph.AddInitializer("w", layer.Tensor);
            biasValue = bias is null ? null : graph.AddInitializer("b", bias);
        }

        var y = Add(node.OpType, biasValue is null ? [x, weight] : [x, weight, biasValue], [.. node.Attributes.Where(attribute => !inIntegers || attribute.Name != "transB")]);
        if (inIntegers ? around.MakesIntegers : around.IsReadAsIntegers)
        {
            y = Add("QuantizeLinear", [y, scale, zero]);
            if (inIntegers && around.IsReadAsFloats)
            {
                y = Add("DequantizeLinear", [y, scale, zero]);
            }
        }

        graph.Outputs.Add(y);
        return small;

        Value Add(string op, Value[] inputs, params Attribute[] attributes) =>
            graph.AddNode(null, op, graph.UniqueName(op), inputs, new TensorType(op == "QuantizeLinear" ? type.Type : DataType.Float, null), "", attributes);

        Value IntegerBias(Tensor floats, StaticLayer integers)
        {
            var (codes, biasScales, zeroPoints) = BiasQuantization.Quantize(floats.ToFloats(), Scale, integers.Scale.ToFloats());
            return Add("DequantizeLinear", [graph.AddInitializer("b", codes), graph.AddInitializer("b_scale", biasScales), graph.AddInitializer("b_zero", zeroPoints)], biasScales.Dims.Count > 0 ? [Attribute.Int("axis", 0)] : []);
        }
    }

    /// <summary>The least time of each operator of a small model, added up.</summary>
    /// <param name="small">The model.</param>
    /// <param name="dims">The sizes of its input.</param>
    /// <param name="changesBefore">Whether the layer's neighbour before it computes in other numbers.</param>
    /// <param name="changesBehind">Whether one behind it does.</param>
    private double Time(Model small, long[] dims, bool changesBefore, bool changesBehind)
    {
        var folder = Directory.CreateTempSubdirectory("compresstool-");
        try
        {
            using (small)
            using (var function = new OnnxRuntimeEngine().Compile(small, new EngineOptions { Threads = 1, ProfilePath = Path.Combine(folder.FullName, "profile") }, cancellationToken))
            {
                var input = new NdArray(function.Inputs[0].Type.ElementType, dims, new byte[function.Inputs[0].Type.ElementType.ByteSize(dims.Aggregate(1L, (product, dim) => product * dim))]);
                for (var run = 0; run < Runs; run++)
                {
                    function.Run(new Dictionary<string, NdArray> { [function.Inputs[0].Name] = input }, cancellationToken: cancellationToken);
                }
            }

            return Directory.GetFiles(folder.FullName).Sum(profile => LeastTime(profile, changesBefore, changesBehind));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double LeastTime(string profile, bool changesBefore, bool changesBehind)
    {
        using var events = JsonDocument.Parse(File.ReadAllText(profile));
        var nodes = events.RootElement.EnumerateArray()
            .Where(item => item.GetProperty("name").GetString()!.EndsWith("_kernel_time", StringComparison.Ordinal))
            .OrderBy(item => item.GetProperty("ts").GetInt64())
            .GroupBy(item => item.GetProperty("name").GetString()!, item => (Operator: item.GetProperty("args").GetProperty("op_name").GetString()!, Time: item.GetProperty("dur").GetInt64()));
        var (sum, isBehind) = (0L, false);
        foreach (var node in nodes)
        {
            var op = node.First().Operator;
            isBehind |= op.Contains("Conv", StringComparison.Ordinal) || op.Contains("MatMul", StringComparison.Ordinal) || op.Contains("Gemm", StringComparison.Ordinal);
            if (!s_layouts.Contains(op) || (isBehind ? changesBehind : changesBefore))
            {
                sum += node.Min(run => run.Time);
            }
        }

        return sum / 1000.0;
    }

    /// <summary>What is in integers around a layer.</summary>
    private readonly record struct Surroundings(bool ReadsIntegers, bool MakesIntegers, bool IsReadAsIntegers, bool IsReadAsFloats)
    {
        public static Surroundings Of(Node node, StaticPlan plan)
        {
            var result = StaticPlan.ResultOf(node);
            var readers = result.Uses.Select(use => plan.Nodes.Contains(use.Node)).ToArray();
            return new Surroundings(plan.Results.Contains(node.Inputs[0]!), plan.Results.Contains(result), readers.Contains(true), readers.Contains(false) || result.IsGraphOutput);
        }
    }
}
