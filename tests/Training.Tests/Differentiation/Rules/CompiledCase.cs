using CompressTool.Onnx;
using CompressTool.Runtime;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Tests.Differentiation.Rules;

/// <summary>A case as a model of one node, with the products of output gradients with its Jacobian if wanted.</summary>
internal sealed class CompiledCase : IDisposable
{
    private readonly CaseInput[] _inputs;
    private readonly DataType _type;
    private readonly ICompiledFunction _function;
    private readonly string[] _outputs;
    private readonly DataType[] _outputTypes;

    private CompiledCase(OperatorCase setting, CaseInput[] inputs, DataType type, bool withGradients)
    {
        (_inputs, _type) = (inputs, type);
        var (model, values) = BuildModel(setting, inputs, type);
        var graph = TrainingGraph.Create(model, trainable: []);
        var outputs = model.Graph.Outputs.Where(output => output.ElementType.IsFloat()).Select(graph.Builder.Of).ToArray();
        OutputDims = [.. outputs.Select(output => output.Dims)];
        _outputTypes = [.. outputs.Select(output => output.Type)];
        _outputs = [.. outputs.Select(output => output.Value.Name)];
        if (withGradients)
        {
            var by = inputs.Index().Where(input => input.Item.Kind == 'x').Select(input => (input.Index, Value: graph.Builder.Of(values[input.Index]!))).ToArray();
            var given = outputs.Select((output, index) => (output, graph.Builder.Input($"g{index}", output.Type, output.Dims))).ToArray();
            foreach (var ((index, _), gradient) in by.Zip(Differentiator.Gradients(given, [.. by.Select(pair => pair.Value)])))
            {
                graph.Builder.AddOutput($"d{index}", gradient);
            }
        }

        if (!setting.HasKernel)
        {
            foreach (var output in outputs)
            {
                model.Graph.Outputs.Remove(output.Value);
            }
        }

        model.Graph.RemoveUnused();
        _function = new OnnxRuntimeEngine().Compile(model, new EngineOptions { Threads = 1, Optimize = false });
    }

    /// <summary>Shapes of the floating-point outputs.</summary>
    public long[][] OutputDims { get; }

    /// <summary>Compiles a case; null when ONNX Runtime has no kernel for the type.</summary>
    public static CompiledCase? TryCompile(OperatorCase setting, CaseInput[] inputs, DataType type, bool withGradients)
    {
        try
        {
            var compiled = new CompiledCase(setting, inputs, type, withGradients);
            if (type == DataType.Double && setting.HasKernel)
            {
                // Some kernels are there and say only when they run that they cannot.
                compiled.Run();
            }

            return compiled;
        }
        catch (OnnxRuntimeException e) when (type == DataType.Double && IsMissingKernel(e))
        {
            return null;
        }
    }

    /// <summary>The floating-point outputs.</summary>
    public double[][] Run() => Run(_outputs, []);

    /// <summary>The gradients by each input that is differentiated by, under its index.</summary>
    public Dictionary<int, double[]> Gradients(double[][] outputGradients)
    {
        var wanted = _inputs.Index().Where(input => input.Item.Kind == 'x').Select(input => input.Index).ToArray();
        var results = Run([.. wanted.Select(index => $"d{index}")], outputGradients);
        return wanted.Zip(results).ToDictionary();
    }

    public void Dispose() => _function.Dispose();

    private static bool IsMissingKernel(OnnxRuntimeException e) =>
        e.Status == OrtErrorCode.NotImplemented || e.NativeMessage.Contains("tensor(double)", StringComparison.Ordinal) || e.NativeMessage.Contains("not support double", StringComparison.Ordinal);

    private double[][] Run(string[] outputs, double[][] outputGradients)
    {
        var feeds = new Dictionary<string, NdArray>();
        foreach (var (index, input) in _inputs.Index().Where(input => !input.Item.IsConstant && input.Item.Kind is not ('-' or '@')))
        {
            feeds.Add($"in{index}", ToArray(input.Type(_type), input.Array.Data, [.. input.Array.Dims.Select(dim => (long)dim)]));
        }

        foreach (var input in _function.Inputs.Where(input => input.Name[0] == 'g'))
        {
            var number = int.Parse(input.Name[1..], System.Globalization.CultureInfo.InvariantCulture);
            var dims = OutputDims[number];
            feeds.Add(input.Name, ToArray(_outputTypes[number], outputGradients.Length > 0 ? outputGradients[number] : new double[dims.Aggregate(1L, (a, b) => a * b)], dims));
        }

        var names = _function.Inputs.Select(input => input.Name).ToHashSet();
        var results = _function.Run(feeds.Where(feed => names.Contains(feed.Key)).ToDictionary(), outputs);
        return [.. outputs.Select(output => ToDoubles(results[output]))];
    }

    private static double[] ToDoubles(NdArray array) =>
        array.Type == DataType.Double ? array.AsSpan<double>().ToArray() : Array.ConvertAll(array.AsSpan<float>().ToArray(), x => (double)x);

    private static (Model Model, Value?[] Values) BuildModel(OperatorCase setting, CaseInput[] inputs, DataType type)
    {
        var model = new Model { IrVersion = 10 };
        model.OpsetImports[""] = setting.Opset;
        if (setting.Domain.Length > 0)
        {
            model.OpsetImports[setting.Domain] = 1;
        }

        var graph = model.Graph;
        graph.Name = setting.OpType;
        var values = new Value?[inputs.Length];
        foreach (var (index, input) in inputs.Index())
        {
            long[] dims = [.. input.Array.Dims.Select(dim => (long)dim)];
            if (input.Kind == '@')
            {
                values[index] = values[input.Same];
            }
            else if (input.IsConstant)
            {
                // The scales of Resize are float whatever it resizes.
                var constantType = input.Type(setting.Operator == "Resize" ? DataType.Float : type);
                values[index] = graph.AddInitializer($"in{index}", Numbers.Create(constantType, dims, input.Array.Data));
            }
            else if (input.Kind != '-')
            {
                graph.AddInput(values[index] = new Value($"in{index}", new TensorType(input.Type(type), Shape.Of(dims))));
            }
        }

        var outputs = setting.Outputs.Split(',').Select((present, index) => present == "1" ? new Value($"y{index}") : null).ToArray();
        graph.Add(new Node(setting.OpType, values, outputs, "node", setting.Domain, setting.ToAttributes()));
        foreach (var output in outputs.OfType<Value>())
        {
            graph.Outputs.Add(output);
        }

        return (model, values);
    }

    private static NdArray ToArray(DataType type, double[] data, long[] dims) => type switch
    {
        DataType.Double => NdArray.Create(data, dims),
        DataType.Float => NdArray.Create(Array.ConvertAll(data, x => (float)x), dims),
        DataType.Int64 => NdArray.Create(Array.ConvertAll(data, x => (long)x), dims),
        DataType.Int32 => NdArray.Create(Array.ConvertAll(data, x => (int)x), dims),
        _ => NdArray.Create(Array.ConvertAll(data, x => x != 0), dims),
    };
}
