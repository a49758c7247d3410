using CompressTool.Training.Expressions;

namespace CompressTool.Training.Differentiation.Decompositions;

/// <summary>Recurrent layers, step by step (Hochreiter and Schmidhuber 1997; Cho et al. 2014). Sizes: S steps, B batch, I inputs, H hidden, D directions, G gates.</summary>
internal static class RecurrentForms
{
    public static readonly Dictionary<string, Decomposition> All = new()
    {
        ["RNN"] = n => Run(n, "Tanh", hasCell: false, Plain),
        ["GRU"] = n => Run(n, "Sigmoid,Tanh", hasCell: false, Gated),
        ["LSTM"] = n => Run(n, "Sigmoid,Tanh,Tanh", hasCell: true, LongShortTerm),
    };

    /// <summary>One step: the new hidden state, and for LSTM the new cell state.</summary>
    private delegate (Expr Hidden, Expr? Cell) Step(Layer layer, Expr input, Expr hidden, Expr? cell);

    /// <summary>Inputs: x [S,B,I], weights [D,G*H,I], recurrent weights [D,G*H,H], biases [D,2*G*H], lengths, first states [D,B,H], peepholes [D,3*H].</summary>
    private static IReadOnlyList<Expr?> Run(OperatorContext n, string activations, bool hasCell, Step step)
    {
        CheckAttributes(n, activations);
        var isBatchFirst = n.Int("layout", 0) != 0;
        var x = isBatchFirst ? n[0].Transpose(1, 0, 2) : n[0];
        var directions = n[1].Dims[0];
        var results = Enumerable.Range(0, checked((int)directions)).Select(direction =>
            RunDirection(n, x, direction, direction == 1 || n.Text("direction", "forward") == "reverse", isBatchFirst, hasCell, step)).ToArray();

        // All states [S,D,B,H], the last ones [D,B,H].
        var all = n.Builder.Concat(1, [.. results.Select(result => n.Builder.Concat(0, [.. result.All.Select(state => state.Unsqueeze(0))]).Unsqueeze(1))]);
        var last = n.Builder.Concat(0, [.. results.Select(result => result.Last.Unsqueeze(0))]);
        var cell = hasCell ? n.Builder.Concat(0, [.. results.Select(result => result.Cell!.Unsqueeze(0))]) : null;
        return isBatchFirst ? [all.Transpose(2, 0, 1, 3), last.Transpose(1, 0, 2), cell?.Transpose(1, 0, 2)] : [all, last, cell];
    }

    private static (List<Expr> All, Expr Last, Expr? Cell) RunDirection(OperatorContext n, Expr x, int direction, bool isReverse, bool isBatchFirst, bool hasCell, Step step)
    {
        var (steps, batch, hidden) = (x.Dims[0], x.Dims[1], n[2].Dims[2]);
        Expr Of(Expr all, int axis) => all.Slice(axis, direction, direction + 1).Reshape([.. all.Dims.Where((_, other) => other != axis)]);
        Expr First(int input) => n.Optional(input) is { } given ? Of(given, isBatchFirst ? 1 : 0) : n.Builder.Full(0, x.Type, batch, hidden);
        var (weight, recurrent) = (Of(n[1], 0), Of(n[2], 0));
        var bias = n.Optional(3) is { } biases ? Of(biases, 0) : null;
        var gates = weight.Dims[0];
        var layer = new Layer(hidden, recurrent, bias?.Slice(0, gates, 2 * gates), n.Optional(7) is { } peepholes ? Of(peepholes, 0) : null, n.Int("linear_before_reset", 0) != 0);

        // What all steps take from the input is one product.
        var projected = x.MatMul(weight, false, true);
        projected = bias is null ? projected : projected + bias.Slice(0, 0, gates);
        var (state, cell) = (First(5), hasCell ? First(6) : null);
        var states = new Expr[steps];
        for (var number = 0; number < steps; number++)
        {
            var time = isReverse ? (int)steps - 1 - number : number;
            (state, cell) = step(layer, projected.Slice(0, time, time + 1).Reshape(batch, gates), state, cell);
            states[time] = state;
        }

        return ([.. states], state, cell);
    }

    private static (Expr Hidden, Expr? Cell) Plain(Layer layer, Expr input, Expr hidden, Expr? cell) => ((input + layer.Recurrent(hidden, 0)).Tanh(), null);

    /// <summary>Gates: update, reset, hidden.</summary>
    private static (Expr Hidden, Expr? Cell) Gated(Layer layer, Expr input, Expr hidden, Expr? cell)
    {
        var update = (layer.Gate(input, 0) + layer.Recurrent(hidden, 0)).Sigmoid();
        var reset = (layer.Gate(input, 1) + layer.Recurrent(hidden, 1)).Sigmoid();
        var recurrent = layer.IsLinearBeforeReset ? reset * layer.Recurrent(hidden, 2) : layer.Recurrent(reset * hidden, 2);
        return (((1 - update) * (layer.Gate(input, 2) + recurrent).Tanh()) + (update * hidden), null);
    }

    /// <summary>Gates: input, output, forget, cell; peepholes: input, output, forget.</summary>
    private static (Expr Hidden, Expr? Cell) LongShortTerm(Layer layer, Expr input, Expr hidden, Expr? cell)
    {
        Expr Sum(int gate) => layer.Gate(input, gate) + layer.Recurrent(hidden, gate);
        Expr Seen(Expr sum, int peephole, Expr state) => layer.Peepholes is { } all ? sum + (state * layer.Part(all, peephole)) : sum;
        var next = (Seen(Sum(2), 2, cell!).Sigmoid() * cell!) + (Seen(Sum(0), 0, cell!).Sigmoid() * Sum(3).Tanh());
        return (Seen(Sum(1), 1, next).Sigmoid() * next.Tanh(), next);
    }

    private static void CheckAttributes(OperatorContext n, string activations)
    {
        if (n.Optional(4) is not null)
        {
            throw n.Unsupported("it has lengths of sequences");
        }

        if (n.Node.Attribute("activations")?.Value is IEnumerable<ReadOnlyMemory<byte>> given
            && given.Select(name => System.Text.Encoding.UTF8.GetString(name.Span)).ToArray() is var names
            && names.Where((name, index) => !name.Equals(activations.Split(',')[index % activations.Split(',').Length], StringComparison.OrdinalIgnoreCase)).Any())
        {
            throw n.Unsupported($"its activations are {string.Join(", ", names)}");
        }

        if (n.Node.Attribute("clip") is not null || n.Int("input_forget", 0) != 0)
        {
            throw n.Unsupported("clip or input_forget is set");
        }
    }

    /// <summary>The weights of one direction.</summary>
    private sealed record Layer(long Hidden, Expr Weight, Expr? Bias, Expr? Peepholes, bool IsLinearBeforeReset)
    {
        /// <summary>A gate's part of a vector or of the rows of a batch.</summary>
        public Expr Gate(Expr all, int gate) => all.Slice(all.Rank - 1, gate * Hidden, (gate + 1) * Hidden);

        /// <summary>A part of a vector.</summary>
        public Expr Part(Expr vector, int part) => vector.Slice(0, part * Hidden, (part + 1) * Hidden);

        /// <summary>What a gate takes from the hidden state, with its bias.</summary>
        public Expr Recurrent(Expr hidden, int gate)
        {
            var product = hidden.MatMul(Part(Weight, gate), false, true);
            return Bias is null ? product : product + Part(Bias, gate);
        }
    }
}
