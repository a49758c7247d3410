using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>Compiles models with nodes of our own in them, which look at values while the model runs.</summary>
internal static class InstrumentedModel
{
    /// <summary>Larger models are run in as little memory as it takes: packed for the processor, their weights would be in memory twice or thrice.</summary>
    private const long LargeBytes = 1L << 30;

    /// <summary>Compiles a model for the CPU, to be run for the sake of what some nodes see.</summary>
    /// <param name="model">The model; it is the same afterwards, but for the order of nodes that watch and were there before.</param>
    /// <param name="watch">Adds the nodes that look at values, and others that these need, and returns the outputs of those that look, which are of no other use. What it adds goes again.</param>
    /// <param name="operators">The operators of our own.</param>
    /// <param name="outputs">The outputs to ask for: those of the nodes that look at values.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static ICompiledFunction Compile(Model model, Func<IReadOnlyList<Value>> watch, IReadOnlyList<CustomOperator> operators, out IReadOnlyList<string> outputs, CancellationToken cancellationToken)
    {
        // The nodes are there only while the engine reads the model: a copy would be the whole model once more.
        var graph = model.Graph;
        var knewDomain = model.OpsetImports.ContainsKey(CustomOperator.Domain);
        var before = graph.Nodes.ToHashSet();
        Value[] own = [.. graph.Outputs];
        try
        {
            model.OpsetImports[CustomOperator.Domain] = 1;
            var watched = watch();
            graph.Outputs.Clear();
            Value[] ends = [.. own.Where(output => output.ElementType == DataType.Float).Select(output => graph.AddNode(null, Sink.Name, output.Name + "_end", [output], new TensorType(DataType.Float, Shape.Scalar), CustomOperator.Domain))];
            OrderBackwards(graph, [.. watched.Concat(ends).Select(value => value.Producer!)]);
            graph.Outputs.AddRange(watched);
            graph.Outputs.AddRange(ends);
            graph.Outputs.AddRange(own.Where(output => output.ElementType != DataType.Float));
            outputs = [.. watched.Select(value => value.Name)];
            return new OnnxRuntimeEngine().Compile(model, Options(model) with { CustomOperators = [.. operators, new Sink()] }, cancellationToken);
        }
        finally
        {
            graph.Outputs.Clear();
            foreach (var node in graph.Nodes.Where(node => !before.Contains(node)).Reverse().ToArray())
            {
                graph.Remove(node);
            }

            graph.Outputs.AddRange(own);
            if (!knewDomain)
            {
                model.OpsetImports.Remove(CustomOperator.Domain);
            }
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
