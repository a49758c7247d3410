using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Float16;

/// <summary>
/// Finds by measurement what must stay in float32: the model runs once in float32, and every value that would be float16 is looked at.
/// A value that comes near the largest float16, or whose numbers float16 cannot tell apart (they are smaller than its smallest), is neither
/// made nor taken in float16. A node whose result changes much when its inputs are rounded, as differences and the angles of sines do, takes
/// them as float32 from those who make them. Nodes in branches and loops are not looked at.
/// </summary>
internal static class OverflowSearch
{
    /// <summary>Runs the model and finds the nodes to keep.</summary>
    /// <param name="model">The float32 model; it is the same afterwards.</param>
    /// <param name="plan">Which nodes are to become float16.</param>
    /// <param name="feeds">The inputs, one run after the other.</param>
    /// <param name="limits">What is too much; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <returns>The findings, worst first: those of range before those of precision.</returns>
    /// <exception cref="CompressToolException">The inputs do not fit the model.</exception>
    public static IReadOnlyList<OverflowFinding> Run(
        Model model, PrecisionPlan plan, IEnumerable<IReadOnlyDictionary<string, NdArray>> feeds, OverflowLimits? limits = null, CancellationToken cancellationToken = default)
    {
        limits ??= new OverflowLimits();
        var values = model.Graph.Values().Where(value => IsConverted(value, plan)).ToArray();
        if (values.Length == 0)
        {
            return [];
        }

        var measure = new MeasureOperator(values.Length);
        using (var function = InstrumentedModel.Compile(model, () => Watch(model.Graph, plan, values, measure, limits.LeastDb is not null), [measure, new RoundOperator()], out var outputs, cancellationToken))
        {
            foreach (var arrays in feeds)
            {
                function.Run(arrays, outputs, cancellationToken);
            }
        }

        return [.. values.Zip(measure.Statistics).SelectMany(item => Judge(item.First, item.Second, plan, limits))
            .OrderBy(finding => finding.Reason).ThenByDescending(finding => finding.Reason == OverflowReason.Range ? finding.Largest : -finding.Db)
            .ThenBy(finding => finding.Value.Name, StringComparer.Ordinal)];
    }

    /// <summary>True for a value of the main graph that some node would make or take as float16.</summary>
    private static bool IsConverted(Value value, PrecisionPlan plan) =>
        plan.IsFloat(value) && value.Initializer is null && value.SparseInitializer is null && value.ConstantTensor is null
        && ((value.Producer is not null && plan.Computed(value) == plan.Target.Type) || value.Uses.Any(use => plan.Wanted(use) == plan.Target.Type));

    private static IEnumerable<OverflowFinding> Judge(Value value, RoundingStatistics statistics, PrecisionPlan plan, OverflowLimits limits)
    {
        var makers = value.Producer is { } maker && !plan.Kept.ContainsKey(maker) ? [maker] : Enumerable.Empty<Node>();
        var takers = value.Uses.Where(use => plan.Wanted(use) == plan.Target.Type).Select(use => use.Node);
        if (statistics.Largest > limits.Largest)
        {
            yield return new OverflowFinding(value, OverflowReason.Range, statistics.Largest, statistics.StoredDb, [.. makers.Concat(takers).Distinct()]);
        }
        else if (statistics.StoredDb < limits.LeastDb)
        {
            yield return new OverflowFinding(value, OverflowReason.Underflow, statistics.Largest, statistics.StoredDb, [.. makers.Concat(takers).Distinct()]);
        }
        else if (statistics.ComputedDb < limits.LeastDb)
        {
            var sources = value.Producer!.Inputs.OfType<Value>().Where(plan.IsFloat).Select(input => input.Producer).OfType<Node>().Where(node => !node.Is("Constant"));
            yield return new OverflowFinding(value, OverflowReason.Sensitive, statistics.Largest, statistics.ComputedDb, [.. makers.Concat(sources.Where(node => !plan.Kept.ContainsKey(node))).Distinct()]);
        }
    }

    /// <summary>Adds the nodes that look at values, and where wanted beside each node one that computes the same from rounded inputs.</summary>
    private static Value[] Watch(Graph graph, PrecisionPlan plan, Value[] values, MeasureOperator measure, bool computes)
    {
        var rounded = new Dictionary<Value, Value>();
        var measured = values.ToHashSet();
        var twins = new Dictionary<Node, Node>();
        return [.. values.Select((value, index) =>
        {
            var node = value.Producer;
            var twin = computes && node is not null && !plan.Kept.ContainsKey(node) && !node.Subgraphs.Any() ? Twin(node).Outputs[value.ProducerIndex] : null;
            return measure.Watch(value, twin, index);
        })];

        Node Twin(Node node)
        {
            if (!twins.TryGetValue(node, out var twin))
            {
                var inputs = node.Inputs.Select((input, index) => input is not null && measured.Contains(input) && plan.Wanted(new Use(node, index)) == plan.Target.Type ? Rounded(input) : input).ToArray();
                twins[node] = twin = new Node(node.OpType, inputs, node.Outputs.Select(output => output is null ? null : new Value(graph.UniqueName(output.Name + "_twin"))), graph.UniqueName(node.Name + "_twin"), node.Domain, node.Attributes);
                graph.Add(twin);
            }

            return twin;
        }

        Value Rounded(Value value)
        {
            if (!rounded.TryGetValue(value, out var result))
            {
                rounded[value] = result = graph.AddNode(null, RoundOperator.Name, value.Name + "_rounded", [value], null, CustomOperator.Domain);
            }

            return result;
        }
    }
}
