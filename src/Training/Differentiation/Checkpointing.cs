using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation;

/// <summary>
/// Gradient checkpointing (Chen et al. 2016, "Training deep nets with sublinear memory cost"): of the values of the forward
/// pass only those between segments are kept; what the gradient needs from inside a segment is computed a second time when
/// the gradient arrives there. With about the square root of as many segments as there are layers, memory falls to about its
/// square root, for one forward pass more.
/// </summary>
internal static class Checkpointing
{
    /// <summary>Rewrites a graph with its gradients.</summary>
    /// <param name="builder">The graph.</param>
    /// <param name="tape">How the gradients came to be.</param>
    /// <param name="segments">Number of segments; 0 for the square root of the number of layers with weights.</param>
    public static void Run(GraphBuilder builder, Tape tape, int segments)
    {
        var forward = tape.Forward.ToHashSet();
        var backward = builder.Graph.Nodes.Where(node => !forward.Contains(node)).ToHashSet();
        var present = tape.Forward.Where(node => node.Graph is not null).ToArray();
        var parts = Split(present, segments > 0 ? segments : Automatic(present));
        var segmentOf = parts.SelectMany((nodes, index) => nodes.Select(node => (node, index))).ToDictionary(pair => pair.node, pair => pair.index);

        // The last segment's gradient comes at once, so its values are needed at once.
        foreach (var (index, part) in parts.Index().SkipLast(1))
        {
            new Segment(builder, part, backward, node => segmentOf.GetValueOrDefault(node, -1) is var other && other > index).Recompute(tape.ByValue);
        }

        builder.Graph.SortTopologically();
    }

    private static int Automatic(IReadOnlyList<Node> nodes) =>
        (int)Math.Ceiling(Math.Sqrt(nodes.Count(node => node.OpType is "Conv" or "ConvTranspose" or "MatMul" or "Gemm" or "FusedMatMul")));

    /// <summary>Segments of about equal memory.</summary>
    private static List<List<Node>> Split(IReadOnlyList<Node> nodes, int segments)
    {
        var bytes = nodes.Select(node => node.Outputs.OfType<Value>().Sum(Bytes)).ToArray();
        var limit = (double)bytes.Sum() / segments;
        var parts = new List<List<Node>> { new() };
        var filled = 0.0;
        foreach (var (index, node) in nodes.Index())
        {
            if (filled + (bytes[index] / 2.0) > limit * parts.Count && parts.Count < segments)
            {
                parts.Add([]);
            }

            parts[^1].Add(node);
            filled += bytes[index];
        }

        return parts;
    }

    private static long Bytes(Value value) => value.Shape?.ToArray() is { } dims ? value.ElementType.ByteSize(dims.Aggregate(1L, (count, dim) => count * dim)) : 0;

    private sealed class Segment(GraphBuilder builder, List<Node> nodes, HashSet<Node> backward, Func<Node, bool> isLater)
    {
        private readonly HashSet<Node> _nodes = [.. nodes];
        private readonly Dictionary<Value, Value> _copies = [];

        public void Recompute(IReadOnlyDictionary<Value, Expr> gradients)
        {
            var wanted = nodes.SelectMany(node => node.Outputs).OfType<Value>().Where(value => IsInside(value) && value.Uses.Any(use => backward.Contains(use.Node))).ToList();
            if (wanted.Count == 0 || Arrival(gradients) is not { } arrival)
            {
                return;
            }

            // Zero times one element of the arriving gradient: nothing to compute, but a reason to wait for it.
            var wait = arrival.Reshape(-1).Slice(0, 0, 1).Reshape() * 0;
            foreach (var value in wanted)
            {
                var copy = Copy(value, wait);
                foreach (var use in value.Uses.Where(use => backward.Contains(use.Node)).ToArray())
                {
                    use.Node.SetInput(use.Index, copy);
                }
            }
        }

        /// <summary>The gradient by the last value that this segment hands on.</summary>
        private Expr? Arrival(IReadOnlyDictionary<Value, Expr> gradients) =>
            nodes.SelectMany(node => node.Outputs).OfType<Value>().Where(value => !IsInside(value)).Reverse().Select(gradients.GetValueOrDefault).FirstOrDefault(gradient => gradient?.Value.Graph is not null);

        private bool IsInside(Value value) => !value.IsGraphOutput && !value.Uses.Any(use => isLater(use.Node)) && value.Producer is not { OpType: "Constant", Domain: "" };

        private Value Copy(Value value, Expr wait)
        {
            if (_copies.TryGetValue(value, out var copy))
            {
                return copy;
            }

            if (value.Producer is not { } producer || !_nodes.Contains(producer) || !IsInside(value))
            {
                // From outside, or kept: where the second computation starts. Constants and weights need not wait.
                var isComputed = value.Producer is { } outer && !outer.Is("Constant") && value.ElementType.IsFloat();
                return _copies[value] = isComputed ? (builder.Of(value) + wait.Cast(value.ElementType)).Value : value;
            }

            var inputs = producer.Inputs.Select(input => input is null ? null : builder.Of(Copy(input, wait))).ToArray();
            var outputs = builder.Copy(producer, inputs);
            foreach (var (index, output) in producer.Outputs.Index())
            {
                if (output is not null)
                {
                    _copies[output] = outputs[index].Value;
                }
            }

            return _copies[value];
        }
    }
}
