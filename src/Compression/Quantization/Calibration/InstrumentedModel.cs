using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>Compiles models with nodes of our own in them, which look at values while the model runs.</summary>
internal static class InstrumentedModel
{
    /// <summary>Larger models are run in as little memory as it takes: packed for the processor, their weights would be in memory twice or thrice.</summary>
    private const long LargeBytes = 1L << 30;

    /// <summary>Compiles a model for the CPU.</summary>
    /// <param name="model">The model; it is the same afterwards, but for the order of the nodes that watch.</param>
    /// <param name="watched">The outputs of the nodes that look at values, which become the outputs of the model; of no other use, and the last nodes of the graph. Empty to keep the model's own outputs.</param>
    /// <param name="operators">The operators of our own.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static ICompiledFunction Compile(Model model, IReadOnlyList<Value> watched, IReadOnlyList<CustomOperator> operators, CancellationToken cancellationToken)
    {
        var options = Options(model);
        if (watched.Count == 0)
        {
            return new OnnxRuntimeEngine().Compile(model, options with { CustomOperators = operators }, cancellationToken);
        }

        var graph = model.Graph;
        Value[] outputs = [.. graph.Outputs];
        var ends = new List<Value>();
        try
        {
            graph.Outputs.Clear();
            ends.AddRange(outputs.Where(output => output.ElementType == DataType.Float).Select(output => graph.AddNode(null, Sink.Name, output.Name + "_end", [output], new TensorType(DataType.Float, Shape.Scalar), CustomOperator.Domain)));
            OrderBackwards(graph, [.. watched.Concat(ends).Select(value => value.Producer!)]);
            graph.Outputs.AddRange(watched);
            graph.Outputs.AddRange(ends);
            graph.Outputs.AddRange(outputs.Where(output => output.ElementType != DataType.Float));
            return new OnnxRuntimeEngine().Compile(model, options with { CustomOperators = [.. operators, new Sink()] }, cancellationToken);
        }
        finally
        {
            graph.Outputs.Clear();
            foreach (var end in ends)
            {
                graph.Remove(end.Producer!);
            }

            graph.Outputs.AddRange(outputs);
        }
    }

    /// <summary>How a model is run to look at it.</summary>
    public static EngineOptions Options(Model model) => new() { SaveMemory = model.Graph.Initializers.Sum(value => value.Initializer!.ByteLength) > LargeBytes };

    /// <summary>
    /// Puts nodes at the end of the graph, those first whose inputs are made last. ONNX Runtime computes what the last node without
    /// readers needs, then what the one before it needs, and so on: in this order each value is looked at when it is made and
    /// forgotten, in any other all of them wait for the end of the run.
    /// </summary>
    private static void OrderBackwards(Graph graph, HashSet<Node> last)
    {
        var places = graph.Nodes.Index().ToDictionary(item => item.Item, item => item.Index);
        graph.Reorder([.. graph.Nodes.Where(node => !last.Contains(node)), .. last.OrderByDescending(node => node.Inputs.Max(input => input?.Producer is { } maker ? places[maker] : -1))]);
    }

    /// <summary>
    /// Takes an output of the model itself and makes nothing of it: were it an output still, the node that ONNX Runtime's optimizer
    /// makes of its last one would come last in the order.
    /// </summary>
    private sealed class Sink() : CustomOperator(Name, [OperatorParameter.Float], [OperatorParameter.Float])
    {
        public const string Name = "Sink";

        public override CustomKernel CreateKernel(KernelInfo info) => new Kernel();

        private sealed class Kernel : CustomKernel
        {
            public override unsafe void Compute(KernelContext context) => context.Output(0).Floats[0] = 0;
        }
    }
}
