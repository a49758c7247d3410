using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Differentiation.Rules;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation;

/// <summary>
/// Reverse-mode differentiation of a graph by a graph: appends the operations that compute gradients of outputs by any values
/// they depend on. One pass from the outputs to the inputs; each operator contributes by its rule in <see cref="GradientRules"/>.
/// </summary>
public static class Differentiator
{
    /// <summary>Gradients of a scalar.</summary>
    /// <param name="loss">The scalar, of a floating-point type.</param>
    /// <param name="by">The values to differentiate by.</param>
    /// <returns>A gradient per value, of its shape and type; zeros where the loss does not depend on it.</returns>
    /// <exception cref="CompressToolException">An operator on the way has no gradient (CMP7001), a shape is not known (CMP7002), or the
    /// loss is no scalar (CMP7003).</exception>
    public static IReadOnlyList<Expr> Gradients(Expr loss, IReadOnlyList<Expr> by) => Differentiate(loss, null, by).Gradients;

    /// <summary>Gradients of a scalar, with what <see cref="Checkpointing"/> needs to know of how they are computed.</summary>
    /// <param name="loss">The scalar.</param>
    /// <param name="scale">A scalar that all gradients are multiplied by; null for 1.</param>
    /// <param name="by">The values to differentiate by.</param>
    internal static Tape Differentiate(Expr loss, Expr? scale, IReadOnlyList<Expr> by)
    {
        if (loss.Count != 1)
        {
            throw new CompressToolException(TrainingErrors.InvalidRequest, $"'{loss.Value.Name}' has the shape [{string.Join(',', loss.Dims)}]; only a scalar is a loss. Sum it up, or give a gradient for it");
        }

        return Differentiate([(loss, scale?.Cast(loss.Type).Reshape(loss.Dims) ?? loss.Builder.Full(1, loss.Type, loss.Dims))], by);
    }

    /// <summary>Products of given output gradients with the Jacobian: gradients of <c>sum(gradient * output)</c>.</summary>
    /// <param name="outputs">Outputs and their gradients, of the same shapes.</param>
    /// <param name="by">The values to differentiate by.</param>
    /// <returns>A gradient per value, of its shape and type; zeros where no output depends on it.</returns>
    /// <exception cref="CompressToolException">An operator on the way has no gradient (CMP7001), a shape is not known (CMP7002), or a
    /// value cannot be differentiated (CMP7003).</exception>
    public static IReadOnlyList<Expr> Gradients(IReadOnlyList<(Expr Output, Expr Gradient)> outputs, IReadOnlyList<Expr> by) => Differentiate(outputs, by).Gradients;

    /// <summary>Gradients through the nodes from an index on, as if the graph had no others.</summary>
    internal static IReadOnlyList<Expr> Gradients(IReadOnlyList<(Expr Output, Expr Gradient)> outputs, IReadOnlyList<Expr> by, int firstNode) =>
        outputs.Count == 0 ? [.. by.Select(value => value.ZerosLike())] : Differentiate(outputs, by, firstNode).Gradients;

    private static Tape Differentiate(IReadOnlyList<(Expr Output, Expr Gradient)> outputs, IReadOnlyList<Expr> by, int firstNode = 0)
    {
        foreach (var (output, gradient) in outputs)
        {
            if (!output.Dims.SequenceEqual(gradient.Dims))
            {
                throw new CompressToolException(TrainingErrors.InvalidRequest, $"the gradient of '{output.Value.Name}' has the shape [{string.Join(',', gradient.Dims)}], not [{string.Join(',', output.Dims)}]");
            }
        }

        foreach (var value in outputs.Select(pair => pair.Output).Concat(by).Where(value => !value.Type.IsFloat()))
        {
            throw new CompressToolException(TrainingErrors.InvalidRequest, $"'{value.Value.Name}' is {value.Type.DisplayName()}; only floating-point values have gradients");
        }

        return new Pass(outputs[0].Output.Builder, by, firstNode).Run(outputs);
    }

    private sealed class Pass
    {
        private readonly GraphBuilder _builder;
        private readonly IReadOnlyList<Expr> _by;
        private readonly Node[] _nodes;
        private readonly HashSet<Value> _depends;
        private readonly Dictionary<Value, List<Expr>> _gradients = [];

        public Pass(GraphBuilder builder, IReadOnlyList<Expr> by, int firstNode)
        {
            _builder = builder;
            _by = by;
            _nodes = [.. builder.Graph.Nodes.Skip(firstNode)];
            _depends = Dependents(by);
        }

        public Tape Run(IReadOnlyList<(Expr Output, Expr Gradient)> outputs)
        {
            foreach (var (output, gradient) in outputs)
            {
                Contribute(output.Value, gradient);
            }

            foreach (var node in Enumerable.Reverse(_nodes))
            {
                var gradients = node.Outputs.Select(output => output is null || !_depends.Contains(output) ? null : Total(output)).ToArray();
                if (gradients.Any(gradient => gradient is not null))
                {
                    Apply(node, gradients);
                }
            }

            Expr[] results = [.. _by.Select(value => Total(value.Value) ?? value.ZerosLike())];
            return new Tape(_nodes, _gradients.ToDictionary(pair => pair.Key, pair => pair.Value[0]), results);
        }

        private void Apply(Node node, Expr?[] gradients)
        {
            var rule = GradientRules.Find(node.Domain, node.OpType)
                ?? throw new CompressToolException(TrainingErrors.NoGradient, $"the operator {(node.Domain.Length > 0 ? node.Domain + "." : "")}{node.OpType} of node '{node.DisplayName}' has no gradient");
            var wanted = node.Inputs.Select(input => input is not null && _depends.Contains(input)).ToArray();
            var context = new GradientContext(_builder, node, gradients, wanted);
            foreach (var (index, gradient) in rule(context).ToArray().Index())
            {
                if (gradient is not null && index < wanted.Length && wanted[index])
                {
                    var input = _builder.Of(node.Inputs[index]!);
                    Contribute(input.Value, gradient.SumTo(input.Dims).Cast(input.Type.IsFloat() ? input.Type : gradient.Type));
                }
            }

            if (context.Overlooked is { } overlooked)
            {
                throw context.Unsupported($"the loss depends on its output {overlooked}");
            }
        }

        private void Contribute(Value value, Expr gradient)
        {
            if (_depends.Contains(value))
            {
                if (!_gradients.TryGetValue(value, out var list))
                {
                    _gradients.Add(value, list = []);
                }

                list.Add(gradient);
            }
        }

        private Expr? Total(Value value)
        {
            if (!_gradients.TryGetValue(value, out var list))
            {
                return null;
            }

            var total = list.Aggregate((sum, gradient) => sum + gradient);
            _gradients[value] = [total];
            return total;
        }

        /// <summary>
        /// The floating-point values that depend on the given ones, these included, as far as no gradient is stopped; also values of
        /// unknown type, so that the operator that makes them is not passed over in silence, and quantized ones.
        /// </summary>
        private HashSet<Value> Dependents(IReadOnlyList<Expr> by)
        {
            var result = new HashSet<Value>(by.Select(value => value.Value));
            foreach (var node in _nodes)
            {
                var needed = GradientStop.IsAt(node) ? [] : Needed(node).Where(result.Contains).ToArray();
                if (needed.Length > 0)
                {
                    var isQuantized = Quantization.MakesLevels(node) || needed.Any(value => !IsReal(value));
                    result.UnionWith(node.Outputs.OfType<Value>().Where(output => isQuantized || IsReal(output)));
                }
            }

            return result;
        }

        private static bool IsReal(Value value) => value.ElementType.IsFloat() || value.ElementType == DataType.Undefined;

        /// <summary>What a node computes from: its inputs, and what its subgraphs take from outside.</summary>
        private static IEnumerable<Value> Needed(Node node) =>
            node.Inputs.Concat(node.Subgraphs.SelectMany(graph => graph.AllGraphs()).SelectMany(graph => graph.Nodes.SelectMany(inner => inner.Inputs).Concat(graph.Outputs))).OfType<Value>();
    }
}
